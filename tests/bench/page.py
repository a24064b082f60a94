"""The page that shows the tables: what was measured goes between its markers."""

from pathlib import Path

BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


def insert(page: Path, tables: str) -> None:
    """Replace what stands between the markers of a page; a page without them becomes the tables alone."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    new = f"{before}{BEGIN}\n{tables}{END}{after}" if begin and end else tables
    page.write_text(new, encoding="utf-8")
