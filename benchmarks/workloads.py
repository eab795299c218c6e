"""What contestants are given to do: transformations, sizes, images; and in which suites."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

Range = tuple[float, float]
Images = Literal["given", "small", "large", "png", "many"]
"""The images of a run as they are; at 64 pixels; at 12 megapixels; as PNG; linked to 10,000."""


@dataclass(frozen=True, kw_only=True)
class Distortions:
    """What happens to an image at random, in the words and units of Keras' `ImageDataGenerator`.

    Attributes:
        horizontal_flip: Whether half of the images are mirrored left to right.
        vertical_flip: Whether half of the images are mirrored top to bottom.
        rotation: Degrees, either way.
        width_shift: Fraction of the width, either way.
        height_shift: Fraction of the height, either way.
        shear: Degrees, either way.
        zoom: Two factors of what is seen, each axis on its own; below 1 magnifies.
        brightness: Two factors for all values.
        channel_shift: Levels of 255, either way.
    """

    horizontal_flip: bool = False
    vertical_flip: bool = False
    rotation: float = 0.0
    width_shift: float = 0.0
    height_shift: float = 0.0
    shear: float = 0.0
    zoom: Range = (1.0, 1.0)
    brightness: Range = (1.0, 1.0)
    channel_shift: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether pixels change their places otherwise than by a flip."""
        return bool(
            self.rotation or self.width_shift or self.height_shift or self.shear
        ) or self.zoom != (1.0, 1.0)

    @property
    def recolours(self) -> bool:
        """Whether values change."""
        return self.brightness != (1.0, 1.0) or bool(self.channel_shift)

    def as_json(self) -> dict[str, Any]:
        """Tell what is set, and nothing of the rest."""
        nothing = Distortions()
        return {key: value for key, value in asdict(self).items() if value != getattr(nothing, key)}


PLAIN = Distortions()
RECIPE = Distortions(horizontal_flip=True, rotation=30, shear=0.15, zoom=(0.7, 1.3))

EACH_ALONE: Mapping[str, Distortions] = MappingProxyType(
    {
        "horizontal flip": Distortions(horizontal_flip=True),
        "vertical flip": Distortions(vertical_flip=True),
        "rotation": Distortions(rotation=30),
        "shift": Distortions(width_shift=0.1, height_shift=0.1),
        "shear": Distortions(shear=10),
        "zoom": Distortions(zoom=(0.7, 1.3)),
        "brightness": Distortions(brightness=(0.7, 1.3)),
        "channel shift": Distortions(channel_shift=20),
    }
)


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One piece of work that contestants are timed at.

    Every image is read, decoded, resized to the nearest pixels, distorted, scaled to [0, 1] as
    float32, and batched with its label, unless a contestant says that it leaves out a part.

    Attributes:
        name: Unique.
        suite: What it is measured with.
        distortions: What happens at random.
        image_size: (height, width) in pixels.
        batch_size: Images per batch.
        cores: How many processors may be used; None for all that are allowed.
        images: Which images.
        one_pass: Whether a round is one whole pass from the start, instead of some seconds after a
            lead-in.
        cold: Whether files are dropped from the page cache before each round.
        contestants: Names of those that compete, the one that others are compared with first.
        x: Where it lies on its suite's axis, if the suite is a series.
    """

    name: str
    suite: str
    distortions: Distortions = PLAIN
    image_size: tuple[int, int] = (224, 224)
    batch_size: int = 32
    cores: int | None = None
    images: Images = "given"
    one_pass: bool = False
    cold: bool = False
    contestants: tuple[str, ...]
    x: float | None = None
