"""A process that holds a lock until it is killed: what a lock is worth shows when its holder dies."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Final, Self

_PATIENCE_S: Final = 30.0
_HOLD: Final = """
import sys
from filelock import FileLock
lock = FileLock(sys.argv[1], timeout=0, fallback_to_soft=False)
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


class Holder:
    """A real child process; it is killed at the latest on leaving.

    `holds`: it was told that it has the lock.
    """

    def __init__(self, path: Path) -> None:
        order = [sys.executable, "-c", _HOLD, str(path)]
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(order, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)  # noqa: S603 - ourselves
        deadline = threading.Timer(_PATIENCE_S, self._child.kill)  # a lock call can hang
        deadline.start()
        self.holds = self._child.stdout is not None and self._child.stdout.readline().strip() == b"held"
        deadline.cancel()

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._child.kill()
        self._child.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.returncode is None:
            self.kill()


def take(path: Path) -> bool | None:
    """Try to take the lock and give it back; None where the drive has no locks."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(path, timeout=0, fallback_to_soft=False):
            return True
    except Timeout:
        return False
    except (NotImplementedError, OSError):
        return None
