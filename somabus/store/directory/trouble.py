"""What the operating system's errors mean for a bus, and which of them pass if one waits a moment.

The tables come from measurements on SMB, NFS, sshfs and smbnetfs and from reports about Windows; each row of
`MEANING` is tested.
"""

import errno
import os
import time
from collections.abc import Callable, Collection
from typing import Final, TypeVar, TypeVarTuple

from somabus.errors import (
    InvalidKeyError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreRefusedError,
    StoreUnavailableError,
)

_T = TypeVar("_T")
_Args = TypeVarTuple("_Args")


def _codes(*names: str) -> frozenset[int]:
    """The numbers of those errors that this system knows."""
    return frozenset(getattr(errno, name) for name in names if hasattr(errno, name))


MEANING: Final[tuple[tuple[type[StoreError], frozenset[int]], ...]] = (
    (StoreFullError, _codes("ENOSPC", "EDQUOT", "EFBIG", "EMLINK")),
    (StoreRefusedError, _codes("EROFS", "EACCES", "EPERM")),
    (StoreDamagedError, _codes("ELOOP", "EISDIR", "ENOTDIR", "ENOTEMPTY", "EEXIST", "ENXIO")),
    (InvalidKeyError, _codes("ENAMETOOLONG", "EILSEQ")),
)
"""Everything else means: could not look. That is never an empty answer."""

NO_LINKS: Final = _codes("EPERM", "EOPNOTSUPP", "ENOTSUP", "ENOSYS", "EINVAL", "EXDEV", "EMLINK", "EBADRQC")
"""What a drive without hard links says to `link`; EPERM also means "exists" on sshfs, so look before you judge."""

OCCUPIED: Final = _codes("EEXIST", "ENOTEMPTY", "ENOTDIR", "EISDIR", "EPERM", "EACCES", "EBUSY")
"""What a rename says when something stands at its target; look before you judge."""

KEPT: Final = OCCUPIED | _codes("ENOENT", "EROFS")
"""What removing a folder says when it is not empty, gone already, or not ours to remove: then it stays."""

_PASSING: Final = _codes("EACCES", "EBUSY", "ETXTBSY", "ESTALE", "EINTR", "EAGAIN", "EDEADLK")
"""Sharing violations and stale handles: another machine or a virus scanner has the file open for a moment."""

_PASSING_WINDOWS: Final = frozenset([5, 32, 33, 303, 1224])
"""Access denied, sharing violation, lock violation, being deleted, mapped into somebody's memory."""

_FULL_WINDOWS: Final = frozenset([39, 112, 1295])
"""Two kinds of full, and over quota: Windows has one number, EINVAL, for most of its errors."""

_LONGEST_PAUSE_S: Final = 0.05

PATIENCE_S: Final = 2.0


def translate(error: OSError, key: str) -> StoreError:
    """Return the store's error for one of the operating system's."""
    said = f"{error.strerror or error} [{errno.errorcode.get(error.errno or 0, str(error.errno))}]"
    if getattr(error, "winerror", None) in _FULL_WINDOWS:
        return StoreFullError(key, said)
    for kind, codes in MEANING:
        if error.errno in codes:
            return kind(key, said)
    return StoreUnavailableError(key, said)


class Translated:
    """Turns the operating system's errors within its block into the store's, for the document of a key."""

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        self._key = key

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FileNotFoundError):
            raise StoreUnavailableError(self._key, "a folder vanished in mid-step") from error
        if isinstance(error, OSError):
            raise translate(error, self._key) from error


def passes(error: OSError) -> bool:
    """Tell whether the error may be gone in a moment."""
    return error.errno in _PASSING or getattr(error, "winerror", None) in _PASSING_WINDOWS


def patiently(
    step: Callable[[*_Args], _T],
    *args: *_Args,
    patience_s: float = PATIENCE_S,
    also: Collection[int] = (),
) -> _T:
    """Do a step, again and again while its error may pass, for a bounded time; then raise that error."""
    deadline: float | None = None
    pause = 0.004
    while True:
        try:
            return step(*args)
        except OSError as error:
            if not (passes(error) or error.errno in also):
                raise
            deadline = deadline or time.monotonic() + patience_s
            if time.monotonic() >= deadline:
                raise
        # Jitter, so that two machines that met on one file do not meet again.
        time.sleep(pause * (0.5 + os.urandom(1)[0] / 255))
        pause = min(pause * 2, _LONGEST_PAUSE_S)
