"""A shell in a fresh folder, and a bus that two agents have joined from it."""

import os

import pytest

from tests.surfaces.shell import Shell


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A machine on which nothing is set but SOMABUS_HOME, and whose working folder is empty."""
    for name in [each for each in os.environ if each.startswith("SOMABUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SOMABUS_HOME", str(tmp_path / "home"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def shell(home):
    """A shell on such a machine; there is no bus yet."""
    return Shell()


@pytest.fixture
def team(shell, monkeypatch):
    """A shell for `scout` on a bus in ./bus that `planner` has joined, too."""
    shell("init", "bus", "--name", "research")
    monkeypatch.setenv("SOMABUS_BUS", str(shell.bus))
    monkeypatch.setenv("SOMABUS_AGENT", "scout")
    shell("join", "planner")
    shell("join", "scout")
    return shell
