"""What a process has set that decides which images can be read."""

from __future__ import annotations

from typing import Any

from PIL import Image, ImageFile, PngImagePlugin


def decoder_settings() -> dict[str, Any]:
    """Describe what decoders are set to, so that a change is seen.

    Returns:
        Plain JSON values: Pillow's limits, whether it fills up files that are cut short, and the
        formats that this process has registered with it.

    Example:
        >>> decoder_settings()["most_pixels"]
        89478485
    """
    return {
        "most_pixels": Image.MAX_IMAGE_PIXELS,
        "most_text": [PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY],
        "fills_up": ImageFile.LOAD_TRUNCATED_IMAGES,
        "formats": sorted(
            name
            for name, (factory, _) in Image.OPEN.items()
            if not factory.__module__.startswith("PIL.")
        ),
    }
