"""Networks for image folders: training curves, evaluation, reports, export, pictures of input.

All of it takes any `tf.data.Dataset`: only `commands` import `catdog_data`. The one exception is
`catdog_data.system`, whose atomic writer saves models, reports and pictures.

Names are loaded when they are first used: `import catdog_models` imports neither TensorFlow nor
matplotlib. The public names are the lines of `__init__.pyi`.
"""

from typing import Any

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _load(name)
