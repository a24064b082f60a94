"""Counts the crash points and prints them at the end of the run."""

import pytest

from tests.gathering import gathered

_POINTS: dict[tuple[str, str], int] = gathered("points")


@pytest.fixture
def points():
    """Where a scene writes down how many points it was stopped at."""
    return _POINTS


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter):
    """Print the number of points."""
    if _POINTS:
        parts = [
            f"{sum(n for (_, kind), n in _POINTS.items() if kind == each)} {each}"
            for each in ("store operations", "disk steps")
        ]
        terminalreporter.write_line(
            f"crash points: {' and '.join(parts)}, each survived, in {len({s for s, _ in _POINTS})} scenes"
        )
