"""What the summary of a run says of crash points."""


def lines(points):
    """Say how many points there were, by kind, and in how many scenes."""
    kinds = ("store operations", "disk steps", "questions to a server")
    counts = {each: sum(n for (_, kind), n in points.items() if kind == each) for each in kinds}
    parts = [f"{count} {each}" for each, count in counts.items() if count]
    yield f"crash points: {' and '.join(parts)}, each survived, in {len({scene for scene, _ in points})} scenes"
