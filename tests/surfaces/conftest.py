"""A shell in a fresh folder, and a bus that two agents have joined from it."""

import os
import shutil

import pytest

from tests.surfaces.shell import Shell


def machine(folder, patch):
    """Make this process stand on a machine on which nothing is set but SOMABUS_HOME, in an empty working folder."""
    for name in [each for each in os.environ if each.startswith("SOMABUS_")]:
        patch.delenv(name)
    patch.setenv("SOMABUS_HOME", str(folder / "home"))
    work = folder / "work"
    work.mkdir()
    patch.chdir(work)
    return work


def copied(folder, copy, patch):
    """Make this process stand on a copy of such a machine, keys and bus included, as scout; return its shell."""
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    patch.setenv("SOMABUS_HOME", str(copy / "home"))
    patch.setenv("SOMABUS_BUS", str(copy / "work" / "bus"))
    patch.setenv("SOMABUS_AGENT", "scout")
    patch.chdir(copy / "work")
    return Shell()


def on_a_bus(patch):
    """Return a shell for `scout` on a bus in ./bus that `planner` has joined, too."""
    shell = Shell()
    shell("init", "bus", "--name", "research")
    patch.setenv("SOMABUS_BUS", str(shell.bus))
    patch.setenv("SOMABUS_AGENT", "scout")
    shell("join", "planner")
    shell("join", "scout")
    return shell


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty working folder on a machine that has never seen somabus."""
    return machine(tmp_path, monkeypatch)


@pytest.fixture
def shell(home):
    """A shell on such a machine; there is no bus yet."""
    return Shell()


@pytest.fixture
def team(home, monkeypatch):
    """A shell for `scout` on a bus in ./bus that `planner` has joined, too."""
    return on_a_bus(monkeypatch)
