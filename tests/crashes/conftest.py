"""Counts the crash points, for the summary at the end of the run."""

import pytest

from tests.gathering import gathered


@pytest.fixture
def points():
    """Where a scene writes down how many points it was stopped at."""
    return gathered("points")
