"""Image folders to Keras as fast as the hardware allows, with the API people already know.

Names are loaded when they are first used: `import catdog_data` does not import TensorFlow. The
public names are the lines of `__init__.pyi`, which type checkers and editors read too.
"""

from typing import Any

import lazy_loader

from catdog_data.system.machine import keep_freed_memory, keep_freed_tensors

# On import, since it must come before the threads of TensorFlow and of this package, and before
# its first tensor.
keep_freed_memory()
keep_freed_tensors()

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _load(name)
