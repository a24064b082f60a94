"""What a power cut may take is written without waiting for the disk, and nothing else is."""

import pytest

from somabus import Agent, create_bus
from somabus.errors import RateLimitError
from somabus.store.directory.files import Files


@pytest.fixture
def waits(monkeypatch):
    """What was forced to the disk, file or folder."""
    forced = []
    monkeypatch.setattr(
        Files, "write_new",
        lambda self, path, data, sync, real=Files.write_new: (forced.append((path, sync)), real(self, path, data, sync))[1],
    )  # fmt: skip
    return forced


def test_counting_against_floods_waits_for_no_disk(tmp_path, waits):
    """The count is kept at home where the next process finds it; only what must not be lost is waited for."""
    create_bus(tmp_path / "bus", home=tmp_path / "home", rate_per_hour=10)
    Agent("planner", tmp_path / "bus", home=tmp_path / "home")
    waits.clear()
    for _ in range(10):
        Agent("scout", tmp_path / "bus", home=tmp_path / "home").send("planner", "x")

    with pytest.raises(RateLimitError):
        Agent("scout", tmp_path / "bus", home=tmp_path / "home").send("planner", "x")
    assert list((tmp_path / "home").glob("buses/*/scout/rates.json"))
    at_home = {sync for path, sync in waits if "-f/" in path}
    assert at_home == {False}
    assert {sync for path, sync in waits if "-f/" not in path} == {True}
