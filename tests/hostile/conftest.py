"""A bus on a real folder for every test, and the number of files that were thrown at it."""

import gc

import pytest

from tests.gathering import gathered
from tests.hostile.scene import Scene


@pytest.fixture(autouse=True, scope="module")
def settled():
    """Take what earlier modules have left out of the collector's rounds: each snapshot here makes two."""
    gc.collect()
    gc.freeze()


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
    return gathered("thrown")
