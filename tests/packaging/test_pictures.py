"""Pictures in the docs come from the tables in the code."""

import re
from pathlib import Path

from somabus.model.slot import MOVES
from somabus.model.ticket import JOB_MOVES

DOCS = Path(__file__).parents[2] / "docs"
ARCHITECTURE = DOCS / "architecture.md"


def test_the_picture_of_the_states_is_the_table():
    """The moves of a message that docs/architecture.md draws are exactly those that the code can make."""
    picture = re.search(r"<!-- moves -->\n```text\n(.*?)```", ARCHITECTURE.read_text(encoding="utf-8"), re.DOTALL)[1]
    drawn = {tuple(re.fullmatch(r"(\w+) +── (.+?) ─+► (\w+)", line).groups()) for line in picture.splitlines()}

    assert drawn == {(str(state), str(event), str(to)) for state, moves in MOVES.items() for event, to in moves.items()}


def drawn_jobs():
    """The table of a job's moves as docs/jobs.md shows it: a line for each state, and what leads where."""
    width = max(map(len, JOB_MOVES))
    for state, moves in JOB_MOVES.items():
        targets = {to: [str(event) for event, each in moves.items() if each is to] for to in moves.values()}
        said = " · ".join(f"{', '.join(events)} ► {to}" for to, events in targets.items())
        yield f"{state:<{width}} ── {said or 'it has ended'}"


def test_the_picture_of_a_jobs_states_is_the_table():
    """The moves of a job that docs/jobs.md draws are exactly those that the code can make; this is how the picture is made."""
    picture = re.search(
        r"<!-- job moves -->\n```text\n(.*?)```", (DOCS / "jobs.md").read_text(encoding="utf-8"), re.DOTALL
    )

    assert picture[1].splitlines() == list(drawn_jobs())
