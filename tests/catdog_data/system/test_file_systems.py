"""Which file systems count as remote, by the list that Linux keeps of them."""

from __future__ import annotations

import pytest

from catdog_data.system import file_systems
from catdog_data.system.file_systems import is_remote

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / {0}/net rw shared:2 master:1 - nfs4 server:/export rw,vers=4.2
31 30 254:1 / {0}/net/disk rw - xfs /dev/vdb rw
32 22 0:41 / {0}/two\040words rw - cifs //server/share rw
33 22 0:42 / {0}/ssh rw - fuse.sshfs user@host:/ rw
34 22 254:2 / {0}/usb rw - fuseblk /dev/sdb1 rw
35 22 0:43 / {0}/late rw - autofs systemd-1 rw
36 35 0:44 / {0}/late rw - nfs server:/late rw
37 22 0:45 / {0}/covered rw - nfs server:/covered rw
38 22 254:3 / {0}/covered rw - ext4 /dev/vdc rw
"""


@pytest.fixture
def mounts(tmp_path, monkeypatch):
    (tmp_path / "mountinfo").write_text(MOUNTS.format(tmp_path).lstrip())
    monkeypatch.setattr(file_systems, "_MOUNTS", tmp_path / "mountinfo")


@pytest.mark.parametrize(
    ("path", "remote"),
    [
        ("packs", False),
        ("net", True),
        ("net/packs/0123/pixels", True),
        ("network", False),
        ("net/disk/packs", False),
        ("two words/packs", True),
        ("ssh/packs", True),
        ("usb/packs", False),
        ("late/packs", True),
        ("covered/packs", False),
    ],
)
def test_the_innermost_mount_tells(mounts, tmp_path, path, remote):
    assert is_remote(tmp_path / path) is remote


def test_links_are_followed(mounts, tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "net")
    assert is_remote(tmp_path / "link" / "packs")


def test_without_a_list_nothing_is_remote(tmp_path, monkeypatch):
    monkeypatch.setattr(file_systems, "_MOUNTS", tmp_path / "none")
    assert not is_remote(tmp_path)
