"""Imports of the server from which the processes of contestants are forked.

Importing TensorFlow takes seconds and starts no thread, so a process that is forked after it has
nothing that one started by itself would not have.
"""

import os
from importlib import import_module
from pathlib import Path

with Path(os.devnull).open("w") as _nothing:
    for _stream in (1, 2):  # of the server: what libraries print when they are imported
        os.dup2(_nothing.fileno(), _stream)
for _name in ("tensorflow", "keras", "scipy.ndimage", "PIL.Image", "psutil"):
    import_module(_name)
