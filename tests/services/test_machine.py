"""What a process is told about the machine it runs on."""

import subprocess
import sys

CHILD = """
import threading
from somabus.machine import parent_gone
gone, never = parent_gone(), threading.Event()
print(gone(), flush=True)
print(any(gone() or never.wait(0.01) for _ in range(2000)), flush=True)
"""
PARENT = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.DEVNULL)
input()
"""


def test_a_process_learns_that_its_parent_has_ended():
    """Whoever waits in the background ends with the one that started it, and not before."""
    started = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    before = started.stdout.readline()
    after, _ = started.communicate("end\n", timeout=60)

    assert (before.strip(), after.strip()) == ("False", "True")
