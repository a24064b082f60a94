"""The table of drives, as the summary of a run shows it."""

COLUMNS = ("drive", "checks", "messages", "lost", "twice", "seconds")


def lines(rows):
    """Say for each drive what was checked on it, and what came of the messages."""
    yield "the same suite on each drive, five agents on two machines:"
    yield f"  {COLUMNS[0]:12}" + "".join(f"{column:>10}" for column in COLUMNS[1:])
    for name, row in rows.items():
        cells = "".join(f"{row.get(column, 0):>10.0f}" for column in COLUMNS[1:])
        yield f"  {name:12}" + ("  did not come up here" if row.get("away") else cells)
