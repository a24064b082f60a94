"""What `somabus bench` promises to whoever runs it on a drive that others use."""

import pytest

from somabus.bench import Row, measure
from somabus.errors import ConfigurationError

WORKS = ["send", "send_many", "peek", "unread", "stops", "claim + ack", "beat", "wake", "post"]
CHANNELS = [f"{work}, 5 channels of {posts}" for posts in ("20", "200") for work in ("count", "read one")]
CHECKS = ["seal", "open"]


def test_every_work_stands_beside_its_bare_calls_and_nothing_is_left(tmp_path):
    """You get a figure for each work of the bus and for its bare calls, and your drive is as it was."""
    (tmp_path / "yours.txt").write_text("untouched")

    rows = measure(tmp_path, messages=20, rounds=1, durability="none")

    assert [row.work for row in rows] == [*WORKS, *CHANNELS, *CHECKS]
    assert all(row.us > 0 and row.bare_us > 0 and row.ratio > 0 and row.bare for row in rows)
    assert [path.name for path in tmp_path.iterdir()] == ["yours.txt"]


def test_nothing_is_left_after_an_error(tmp_path):
    """A run that cannot be done takes its scratch folder away, too, and says why in an error of the tree."""
    with pytest.raises(ConfigurationError, match="durability"):
        measure(tmp_path, messages=20, rounds=1, durability="perhaps")

    assert not list(tmp_path.iterdir())


def test_the_ratio_is_how_many_times_the_bare_calls_it_costs():
    """A ratio of 2 reads as: the bus takes twice as long as the bare system calls."""
    row = Row("send", 30.0, 15.0, "open, write, close, rename")

    assert row.ratio == 2
