"""Pictures in the docs come from the tables in the code."""

import re
from pathlib import Path

from somabus.model.slot import MOVES

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"


def test_the_picture_of_the_states_is_the_table():
    """The moves of a message that docs/architecture.md draws are exactly those that the code can make."""
    picture = re.search(r"<!-- moves -->\n```text\n(.*?)```", ARCHITECTURE.read_text(encoding="utf-8"), re.DOTALL)[1]
    drawn = {tuple(re.fullmatch(r"(\w+) +── (.+?) ─+► (\w+)", line).groups()) for line in picture.splitlines()}

    assert drawn == {(str(state), str(event), str(to)) for state, moves in MOVES.items() for event, to in moves.items()}
