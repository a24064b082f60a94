"""Real shared drives with two machines on one host. SOMABUS_LAB names the folder of the scripts that bring them up."""

import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest


@pytest.fixture(scope="module", params=["sshfs", "smbnetfs"])
def drive(request, tmp_path_factory):
    """The same folder as two machines see it: `a` and `b`, through a real server and two real clients."""
    lab = os.environ.get("SOMABUS_LAB")
    if not lab:
        pytest.fail("SOMABUS_LAB must name the folder of the lab's scripts")
    state = tmp_path_factory.mktemp(request.param)
    script = Path(lab) / f"{request.param}_up.sh"
    up = subprocess.run(["bash", script, state], capture_output=True, text=True, timeout=300)
    assert up.returncode == 0, up.stderr
    paths = dict(line.split("=", 1) for line in up.stdout.splitlines() if line[:2] in ("a=", "b="))
    yield request.param, Path(paths["a"]), Path(paths["b"])
    subprocess.run(["bash", Path(lab) / f"{request.param}_down.sh", state], capture_output=True, timeout=120)


@pytest.fixture
def shared(drive, tmp_path):
    """A fresh folder on the drive, as both machines see it, and a home for each machine."""
    name, a, b = drive
    folder = uuid.uuid4().hex[:8]
    (a / folder).mkdir()
    homes = tmp_path / "home-a", tmp_path / "home-b"
    yield name, a / folder, b / folder, homes
    shutil.rmtree(a / folder, ignore_errors=True)
