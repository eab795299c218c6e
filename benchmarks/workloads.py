"""What contestants are given to do: transformations, sizes, images; and in which suites."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

Range = tuple[float, float]
Images = Literal["given", "small", "large", "png", "many"]
"""The images of a run as they are; at 64 pixels; at 12 megapixels; as PNG; linked to 10,000."""


@dataclass(frozen=True, kw_only=True)
class Distortions:
    """What happens to an image at random, in the words and units of Keras' `ImageDataGenerator`."""

    horizontal_flip: bool = False  # half of the images
    vertical_flip: bool = False  # half of the images
    rotation: float = 0.0  # degrees, either way
    width_shift: float = 0.0  # fraction of the width, either way
    height_shift: float = 0.0  # fraction of the height, either way
    shear: float = 0.0  # degrees, either way
    zoom: Range = (1.0, 1.0)  # factors of what is seen, each axis on its own; below 1 magnifies
    brightness: Range = (1.0, 1.0)  # factors for all values
    channel_shift: float = 0.0  # levels of 255, either way

    @property
    def moves(self) -> bool:
        """Whether pixels move otherwise than by a flip."""
        moves = self.rotation or self.width_shift or self.height_shift or self.shear
        return bool(moves) or self.zoom != (1.0, 1.0)

    @property
    def recolours(self) -> bool:
        """Whether values change."""
        return self.brightness != (1.0, 1.0) or bool(self.channel_shift)

    def as_json(self) -> dict[str, Any]:
        """Return the fields that are set."""
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


@dataclass(frozen=True)
class Workload:
    """One piece of work that contestants are timed at.

    Every image is read, decoded, resized to the nearest pixels, distorted, scaled to [0, 1] as
    float32, and batched with its label, unless a contestant says that it leaves out a part.
    """

    suite: str
    name: str  # unique
    contestants: tuple[str, ...]  # names; others are compared with the first
    _: KW_ONLY
    distortions: Distortions = PLAIN
    image_size: tuple[int, int] = (224, 224)  # (height, width) in pixels
    batch_size: int = 32
    cores: int | None = None  # how many processors may be used; None for all that are allowed
    images: Images = "given"
    one_pass: bool = False  # a round is a whole pass from the start, not seconds after a lead-in
    start_up: bool = False  # a round is what is waited for at the start, and no more
    cold: bool = False  # files are dropped from the page cache before each round
    x: float | None = None  # the value on the axis of the suite, if that is a series

    def conditions(self, cores: int) -> dict[str, Any]:
        """Return what results keep of it, run on a number of processors."""
        timed = "one pass, from the start" if self.one_pass else "after a lead-in"
        return {
            "image_size": list(self.image_size),
            "batch_size": self.batch_size,
            "cores": cores,
            "page_cache": "cold" if self.cold else "warm",
            "timed": "single batches, after imports" if self.start_up else timed,
            "distortions": self.distortions.as_json(),
        }
