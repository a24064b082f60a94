"""What the tests of jobs share."""

import pytest

from tests.jobs.yard import Yard


@pytest.fixture
def yard():
    """A bus in memory, `scout` who submits, and workers by need."""
    return Yard()
