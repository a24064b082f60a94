"""P16 on the kernel's own clients: two guest machines with SMB 3.1.1 and NFS 4, as their users type it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from somabus.home import Drives
from tests.labs.measured import check
from tests.surfaces.shell import PROJECT

pytestmark = pytest.mark.lab
BUS = "/mnt/share/bus"


@pytest.fixture(scope="module", params=["cifs", "nfs"])
def guests(request, tmp_path_factory):
    """A function that begins a command on guest `a` or `b`, each with a home of its own on this host's disk."""
    lab = os.environ.get("SOMABUS_LAB")
    if not lab:
        pytest.fail("SOMABUS_LAB must name the folder of the lab's scripts")
    state, homes = tmp_path_factory.mktemp(request.param), tmp_path_factory.mktemp("homes")
    up = subprocess.run(["bash", Path(lab) / f"{request.param}_up.sh", state], capture_output=True, timeout=300)

    def begin(guest, *order):
        settings = [f"SOMABUS_HOME={homes / guest}", f"PYTHONPATH={PROJECT}", f"SOMABUS_BUS={BUS}"]
        command = [state / "on", guest, "env", *settings, sys.executable, "-m", "somabus", *order]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=PROJECT, stdout=pipe, stderr=subprocess.STDOUT, text=True)

    try:
        if up.returncode:
            pytest.skip(f"no guests here: {up.stderr[-300:]!r}")
        yield request.param, begin, homes
    finally:
        subprocess.run(["bash", Path(lab) / f"{request.param}_down.sh", state], capture_output=True, timeout=120)


def ended(process, timeout=300):
    """Return what a command printed, when it has ended well."""
    said, _ = process.communicate(timeout=timeout)
    assert process.returncode == 0, said
    return said


def test_the_verdicts_are_those_that_were_measured(guests, capsys):
    """With the kernel's client on both machines the doctor finds what was measured, and the drive is left as it was."""
    name, begin, homes = guests
    ended(begin("a", "init", BUS))
    ended(begin("a", "join", "scout"))
    ended(begin("b", "join", "planner"))
    assert "planner" in ended(begin("a", "peers", "--agent", "scout"))
    answering = begin("b", "doctor", "--answer", "--agent", "planner", "--for", "250s")

    said = ended(begin("a", "doctor", "--with", "planner", "--agent", "scout", "--for", "200s"))

    ended(answering)
    with capsys.disabled():
        print(f"\n{name}:\n{re.sub(' +$', '', said, flags=re.MULTILINE)}")
    check(name, Drives(homes / "a", "test").recall(BUS))
    assert Drives(homes / "b", "test").recall(BUS).against == "scout"
