"""What only Windows asks of whoever works with files: long paths in a form of their own, and sharing while reading."""

import os
import stat
import sys
from typing import Final

_LONG: Final = "\\\\?\\"
_VERBATIM: Final = (_LONG, "\\\\.\\")
_JUNCTION: Final = 0xA0000003
_READ: Final = 0x80000000
_SHARE_ALL: Final = 0x1 | 0x2 | 0x4  # read, write, and delete: which is what a rename asks for
_OPEN_EXISTING: Final = 3


def extended(path: str) -> str:
    r"""Return an absolute path in the form that may be longer than 260 characters: `\\?\C:\…`, `\\?\UNC\server\…`."""
    if path.startswith(_VERBATIM):
        return path
    if path.startswith("\\\\"):
        return f"{_LONG}UNC\\{path[2:]}"
    return f"{_LONG}{path}"


def on_disk(path: str) -> str:
    """Return an absolute path as this system takes it, whatever its length."""
    return extended(path) if sys.platform == "win32" else path


def is_link(found: os.stat_result) -> bool:
    """Tell whether an entry leads elsewhere: a symbolic link, or a junction, which any user of Windows may make."""
    return stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == _JUNCTION


if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    _create = ctypes.WinDLL("kernel32", use_last_error=True).CreateFileW
    _create.argtypes = (*(wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, wintypes.LPVOID),
                        *(wintypes.DWORD, wintypes.DWORD, wintypes.HANDLE))  # fmt: skip
    _create.restype = wintypes.HANDLE
    _INVALID: Final = wintypes.HANDLE(-1).value

    def open_shared(path: str) -> int:
        """Open a file to read, and let others rename and delete it meanwhile; `os.open` would make them wait."""
        handle = _create(path, _READ, _SHARE_ALL, None, _OPEN_EXISTING, 0, None)
        if handle == _INVALID:
            number = ctypes.get_last_error()
            raise OSError(None, ctypes.FormatError(number), path, number)
        return msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT)
