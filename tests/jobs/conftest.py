"""What the tests of jobs share."""

import pytest

from somabus.store.directory.store import DirectoryStore
from somabus.testing import HandClock, World
from tests.jobs.yard import Yard


@pytest.fixture
def yard():
    """A bus in memory, `scout` who submits, and workers by need."""
    return Yard()


@pytest.fixture
def world_on_disk(tmp_path):
    """A world whose bus is a real folder, by a clock that is turned by hand."""
    clock = HandClock()
    return World(DirectoryStore(tmp_path / "bus", writer="w", durability="none", now=clock.now), clock)
