"""Which file systems keep their files on another machine, or behind a process that may end."""

from __future__ import annotations

import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")
_NETWORKS = frozenset(
    {"afs", "cifs", "coda", "davfs", "ncpfs", "nfs", "nfs4", "smb2", "smb3", "smbfs"}
)
_CLUSTERS = frozenset({"beegfs", "ceph", "gpfs", "lustre", "orangefs"})
_HOSTS = frozenset({"9p", "prl_fs", "vboxsf", "virtiofs", "vmhgfs"})
_REMOTE = _NETWORKS | _CLUSTERS | _HOSTS | {"fuse"}
"""Linux' names of them; "fuse" also with what it serves, as in "fuse.sshfs"."""


def is_remote(path: Path) -> bool:
    """Tell whether a file may vanish while it is open, since it lies elsewhere than on a disk.

    Args:
        path: a file or folder; what is not there counts as the folder that it would be in.

    Returns:
        Whether its file system is one of a network (NFS, SMB, ...), of FUSE, or of the host of a
        virtual machine. False where the system lists no file systems as Linux does.

    Example:
        >>> is_remote(Path("/proc"))
        False
    """
    kind = _kind_of(path)
    return kind.partition(".")[0] in _REMOTE


def _kind_of(path: Path) -> str:
    """Name the type of the file system that holds a path; empty where it is not known."""
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    mounted = {}
    for line in lines:
        # Number, parent, device, root, mount point, options, any more, "-", type, ...
        before, _, behind = line.partition(" - ")
        point = _ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), before.split(" ")[4])
        mounted[point] = behind.split(" ")[0]  # what is mounted last covers what was there
    whole = path.resolve()
    return next((mounted[str(e)] for e in (whole, *whole.parents) if str(e) in mounted), "")
