"""What the summary of a run says of hostile files."""


def lines(thrown):
    """Say how many broken files were thrown at a bus, by the place they were thrown at."""
    parts = ", ".join(f"{count} at {place}" for place, count in sorted(thrown.items()))
    yield f"hostile files thrown: {sum(thrown.values())} ({parts})"
