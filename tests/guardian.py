"""What a test process began ends with it, also where it is killed with -9."""

import subprocess
import sys

_GUARDIAN = """
import os, signal, sys
sys.stdin.read()
try:
    os.kill(int(sys.argv[1]), getattr(signal, "SIGKILL", signal.SIGTERM))
except OSError:
    pass
"""


class Guardian:
    """A child that reads a pipe to which nobody writes: it closes with us, and then the guarded process is killed.

    Let it go once the guarded process has ended: another one may get its number.
    """

    def __init__(self, pid: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _GUARDIAN, str(pid)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def let_go(self) -> None:
        """Guard no more."""
        self._process.kill()
        self._process.communicate()
