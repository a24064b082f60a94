"""The table of all attacks, as it stands in the documentation and is printed at the end of a run.

Written anew with: python -m tests.attacks.table
"""

from pathlib import Path
from typing import Final

from tests.attacks import on_approvals, on_certificates, on_jobs, on_mail, on_names, on_rule

ATTACKS: Final = (
    *on_certificates.ROWS,
    *on_mail.ROWS,
    *on_approvals.ROWS,
    *on_rule.ROWS,
    *on_names.ROWS,
    *on_jobs.ROWS,
)
PAGE: Final = Path(__file__).parents[2] / "docs" / "security.md"
_FROM: Final = "<!-- attacks -->\n"
_TO: Final = "<!-- end of attacks -->\n"
_HEAD: Final = ("Attack", "Who can try it", "What comes of it", "Evidence", "In the audit", "Alert")


def rows():
    """Return the cells of the table, row by row."""
    return [
        (each.name, each.who, each.cell("refused"), each.cell("kept"), each.cell("audited"), each.cell("alerted"))
        for each in ATTACKS
    ]


def markdown():
    """Return the table as the documentation has it."""
    lines = [_HEAD, tuple("---" for _ in _HEAD), *rows()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def written():
    """Return the table that stands in the documentation now."""
    return PAGE.read_text(encoding="utf-8").partition(_FROM)[2].partition(_TO)[0].strip() + "\n"


def write():
    """Write the table into the documentation."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_FROM)
    PAGE.write_text(f"{before}{_FROM}\n{markdown()}\n{_TO}{rest.partition(_TO)[2]}", encoding="utf-8")


if __name__ == "__main__":
    # What is not kept yet stands there as it is, so a bug that is mended shows in the table by writing it anew.
    write()
