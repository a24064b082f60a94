"""P16: what kind of drive a path lies on is told by the system's table, and a dead drive is not touched for it."""

import os
import sys

import pytest

from somabus.store.directory import mount
from somabus.store.directory.mount import Mount, bsd_table, find, linux_table, mount_of, windows_mount

LINUX = linux_table(
    [
        "/dev/sda1 / ext4 rw 0 0\n",
        "server:/export /mnt/nfs nfs4 rw 0 0\n",
        "//server/share /mnt/my\\040share cifs rw 0 0\n",
        "scout@host:/x /home/scout/far fuse.sshfs rw 0 0\n",
        "/dev/sdb1 /mnt/stick fuseblk rw 0 0\n",
        "/dev/sdb2 /mnt/covered ext4 rw 0 0\n",
        "server:/y /mnt/covered nfs rw 0 0\n",
        "nonsense\n",
    ]
)
MACOS = bsd_table(
    [
        "/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)",
        "//scout@server/my on share on /Volumes/share (smbfs, nodev, nosuid, mounted by scout)",
        "server:/export on /Volumes/a b (nfs)",
    ]
)


@pytest.mark.parametrize(
    ("table", "path", "kind", "network"),
    [
        (LINUX, "/home/scout/bus", "ext4", False),
        (LINUX, "/mnt/nfs/bus/deep", "nfs4", True),
        (LINUX, "/mnt/nfsx/bus", "ext4", False),
        (LINUX, "/mnt/my share", "cifs", True),
        (LINUX, "/home/scout/far/bus", "fuse.sshfs", True),
        (LINUX, "/mnt/stick/bus", "fuseblk", False),
        (LINUX, "/mnt/covered/bus", "nfs", True),
        (MACOS, "/Volumes/share/bus", "smbfs", True),
        (MACOS, "/Volumes/a b/bus", "nfs", True),
        (MACOS, "/Users/scout/bus", "apfs", False),
        ({}, "/bus", "", False),
    ],
)
def test_the_table_tells_the_kind(table, path, kind, network):
    """The mount with the longest matching path counts, and the last one on that path."""
    assert find(table, path) == Mount(kind, network)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("\\\\server\\share\\bus", Mount("unc", network=True)),
        ("//server/share/bus", Mount("unc", network=True)),
        ("\\\\?\\UNC\\server\\share\\bus", Mount("unc", network=True)),
        ("\\\\?\\C:\\bus", Mount("local drive", network=False)),
        ("C:\\bus", Mount("local drive", network=False)),
        ("X:\\bus", Mount("remote drive", network=True)),
    ],
)
def test_windows_tells_by_the_path_or_the_letter(path, expected):
    """A share by its name is a network drive; a letter is what the system says of it."""
    assert windows_mount(path, {"C:\\": 3, "X:\\": 4}.__getitem__) == expected


@pytest.mark.skipif(os.name == "nt", reason="links of POSIX")
def test_a_link_to_a_network_drive_is_followed_that_far_and_no_further(tmp_path, monkeypatch):
    """A bus behind a link is on the drive that the link leads to, and nothing on that drive is looked at."""
    far = tmp_path.resolve() / "far"
    (tmp_path / "near").symlink_to(far / "bus")
    looked, islink = [], os.path.islink
    monkeypatch.setattr(mount.os.path, "islink", lambda path: looked.append(str(path)) or islink(path))

    found = find({"/": "ext4", str(far): "nfs4"}, str(tmp_path.resolve() / "near" / "deep"))

    assert found == Mount("nfs4", network=True)
    assert looked
    assert [path for path in looked if path.startswith(str(far))] == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_this_system_tells_what_its_own_mounts_are():
    """The real table is read: /proc is a proc, and no network drive."""
    assert mount_of("/proc/self") == Mount("proc", network=False)
