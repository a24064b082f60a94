"""What kind of drive a path lies on, told from the system's table of mounts alone.

A drive whose server is gone hangs whoever touches it, so nothing on a network mount is ever looked at here: links
are followed as far as the path is local, and there it ends.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

_NETWORK: Final = frozenset([
    "9p", "afpfs", "afs", "autofs", "beegfs", "ceph", "cifs", "davfs", "fuse", "gfs2", "glusterfs", "gpfs", "hostfs",
    "lustre", "macfuse",
    "ncpfs", "nfs", "nfs4", "ocfs2", "osxfuse", "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs", "webdav",
])  # fmt: skip
"""Kinds on which others write without this system's knowing. An autofs becomes one at the first touch."""

_DATED: Final = frozenset(["btrfs", "ext2", "ext3", "ext4", "tmpfs", "xfs"])
"""Kinds on which only this system writes, and on which a folder's change time moves with each name in it."""

_BSD: Final = re.compile(r".+? on (?P<point>/.*) \((?P<kind>\w+).*\)")
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
_MOST_LINKS: Final = 40
_REMOTE_DRIVE: Final = 4  # GetDriveTypeW

Table = dict[str, str]
"""From mount point to kind."""


class Mount(NamedTuple):
    """`kind` as the system calls it, empty where it does not tell; `network`: other machines may write there."""

    kind: str
    network: bool

    @property
    def dated(self) -> bool:
        """Whether a folder whose change time stands still holds the names that it held before."""
        return self.kind in _DATED and sys.platform == "linux"


def mount_of(path: str | os.PathLike[str]) -> Mount:
    """Tell what kind of drive a path lies on, without touching it if it is a network drive."""
    where = os.path.abspath(path)
    if os.name == "nt":
        return windows_mount(where, _drive_type)
    return find(_table(), where)


def find(table: Table, path: str) -> Mount:
    """Return the mount of an absolute path, its links followed while they lie on local mounts."""
    at, rest, links = "/", [part for part in reversed(path.split("/")) if part], 0
    while rest:
        at = os.path.join(at, rest.pop())
        if _mount(table, at).network:
            break
        if os.path.islink(at) and links < _MOST_LINKS:
            links += 1
            target = os.path.normpath(os.path.join(os.path.dirname(at), os.readlink(at)))
            at, rest = "/", [*rest, *(part for part in reversed(target.split("/")) if part)]
    return _mount(table, at)


def linux_table(lines: Iterable[str]) -> Table:
    """Read /proc/mounts; the later of two mounts on one point hides the earlier."""
    fields = [line.split(" ") for line in lines]
    return {_OCTAL.sub(lambda code: chr(int(code[1], 8)), each[1]): each[2] for each in fields if len(each) > 2}  # noqa: PLR2004


def bsd_table(lines: Iterable[str]) -> Table:
    """Read what `mount` prints on macOS and BSD."""
    found = (_BSD.fullmatch(line.rstrip("\n")) for line in lines)
    return {each["point"]: each["kind"] for each in found if each}


def windows_mount(path: str, drive_type: Callable[[str], int]) -> Mount:
    r"""Tell by the path: `\\server\share` is a network drive, a letter is what the system says it is."""
    plain = path.replace("/", "\\")
    if plain.upper().startswith("\\\\?\\UNC\\"):
        return Mount("unc", network=True)
    plain = plain.removeprefix("\\\\?\\")
    if plain.startswith("\\\\"):
        return Mount("unc", network=True)
    remote = drive_type(plain[:2] + "\\") == _REMOTE_DRIVE
    return Mount("remote drive" if remote else "local drive", remote)


def _mount(table: Table, path: str) -> Mount:
    while path not in table and (above := os.path.dirname(path)) != path:
        path = above
    kind = table.get(path, "")
    return Mount(kind, kind in _NETWORK or kind.startswith("fuse."))


def _table() -> Table:
    if sys.platform.startswith("linux"):
        try:
            with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as lines:
                return linux_table(lines)
        except OSError:
            return {}
    import subprocess

    try:  # asks the kernel, not the drives
        found = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return bsd_table(found.stdout.splitlines())


def _drive_type(root: str) -> int:
    if sys.platform != "win32":
        return 0
    import ctypes

    return int(ctypes.windll.kernel32.GetDriveTypeW(root))
