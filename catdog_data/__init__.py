"""Image folders to Keras as fast as the hardware allows, with the API people already know.

Names are loaded when they are first used: `import catdog_data` does not import TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from catdog_data._version import __version__
from catdog_data.system.machine import keep_freed_memory

if TYPE_CHECKING:
    from catdog_data.archives.find_folders import ImageFolders
    from catdog_data.archives.unpack import unpack
    from catdog_data.augment.augmentation import Augmentation
    from catdog_data.cache.cached import InBackground
    from catdog_data.datasets.arrays import image_dataset_from_arrays
    from catdog_data.datasets.dataframe import image_dataset_from_dataframe
    from catdog_data.datasets.directory import image_dataset_from_directory
    from catdog_data.datasets.image_dataset import ImageDataset
    from catdog_data.datasets.tfds import image_dataset_from_tfds
    from catdog_data.keras_compat.conversion import from_keras
    from catdog_data.keras_compat.generator import ImageDataGenerator
    from catdog_data.samples.generate import generate_sample_set
    from catdog_data.sources.image_index import ImageIndex
    from catdog_data.sources.keras_folders import index_class_folders
    from catdog_data.training.checkpoint import InputPosition, Position
    from catdog_data.training.input_wait import InputWait

# On import, since it must come before the threads of TensorFlow and of this package.
keep_freed_memory()

__all__ = [
    "Augmentation",
    "ImageDataGenerator",
    "ImageDataset",
    "ImageFolders",
    "ImageIndex",
    "InBackground",
    "InputPosition",
    "InputWait",
    "Position",
    "__version__",
    "from_keras",
    "generate_sample_set",
    "image_dataset_from_arrays",
    "image_dataset_from_dataframe",
    "image_dataset_from_directory",
    "image_dataset_from_tfds",
    "index_class_folders",
    "unpack",
]

_HOMES = {
    "Augmentation": "catdog_data.augment.augmentation",
    "ImageDataGenerator": "catdog_data.keras_compat.generator",
    "ImageDataset": "catdog_data.datasets.image_dataset",
    "ImageFolders": "catdog_data.archives.find_folders",
    "ImageIndex": "catdog_data.sources.image_index",
    "InBackground": "catdog_data.cache.cached",
    "InputPosition": "catdog_data.training.checkpoint",
    "InputWait": "catdog_data.training.input_wait",
    "Position": "catdog_data.training.checkpoint",
    "from_keras": "catdog_data.keras_compat.conversion",
    "generate_sample_set": "catdog_data.samples.generate",
    "image_dataset_from_arrays": "catdog_data.datasets.arrays",
    "image_dataset_from_dataframe": "catdog_data.datasets.dataframe",
    "image_dataset_from_directory": "catdog_data.datasets.directory",
    "image_dataset_from_tfds": "catdog_data.datasets.tfds",
    "index_class_folders": "catdog_data.sources.keras_folders",
    "unpack": "catdog_data.archives.unpack",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'catdog_data' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
