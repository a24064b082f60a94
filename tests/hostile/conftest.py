"""A bus on a real folder for every test, and the number of files that were thrown at it."""

import pytest

from tests.gathering import gathered
from tests.hostile.scene import Scene

_THROWN: dict[str, int] = gathered("thrown")


@pytest.fixture
def scene(tmp_path):
    """A bus that acts on signed mail only."""
    return Scene(tmp_path)


@pytest.fixture
def open_scene(tmp_path):
    """A bus that acts on unsigned mail as well."""
    return Scene(tmp_path, trust="open")


@pytest.fixture
def thrown():
    """Where a test writes down how many broken files it threw, by the place it threw them at."""
    return _THROWN


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter):
    """Print the number of files."""
    if _THROWN:
        parts = ", ".join(f"{count} at {place}" for place, count in sorted(_THROWN.items()))
        terminalreporter.write_line(f"hostile files thrown: {sum(_THROWN.values())} ({parts})")
