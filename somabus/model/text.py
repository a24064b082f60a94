"""Foreign text for people and models: one short line, no control characters; and how long ago something was."""

from datetime import datetime


def writable(text: str) -> bool:
    """Tell whether a text can be written as UTF-8: half of a surrogate pair cannot."""
    return text.encode(errors="ignore").decode() == text


def quoted(text: str) -> str:
    """Mark each line of a foreign text as quoted."""
    return "\n".join(f"> {each}" for each in text.split("\n"))


def clean(text: str) -> str:
    """Take control characters out of foreign text, line ends and tabs excepted."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text)


def line(text: str, limit: int = 60) -> str:
    """Make one short line of foreign text."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


def many(count: int, thing: str) -> str:
    """Say how many there are of a thing whose plural ends in s."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def times(count: int) -> str:
    """Say how often something was."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def ago(at: datetime | None, now: datetime) -> str:
    """Say how long ago something was."""
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    if seconds < 0:
        return f"in {_span(-seconds)}"
    return f"{_span(seconds)} ago"


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size * 2:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
