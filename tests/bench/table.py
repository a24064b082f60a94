"""What was measured as tables: Markdown for people, plain objects for JSON."""

from collections.abc import Iterable
from typing import Any

from tests.bench.queues import left_out
from tests.bench.row import COUNTS, UNITS, Size
from tests.bench.run import Results
from tests.bench.targets import TARGETS, Check
from tests.bench.works import ALL

_VERDICTS = {True: "met", False: "**not met**", None: "-"}


def as_object(results: Results, size: Size, machine: dict[str, object]) -> dict[str, Any]:
    """Return everything: the machine, each figure of each row with median, spread and ratio, and the targets."""
    return {
        "size": size.value,
        "machine": machine,
        "left_out": left_out(),
        "failed": [{"work": work, "row": row, "error": error} for (work, row), error in results.failed.items()],
        "rows": [_row(results, *key) for key in results.figures],
        "targets": [
            {"work": each.work, "target": each.promise, "checks": [_check(one, results) for one in each.checks(size)]}
            for each in TARGETS
        ],
    }


def _row(results: Results, work: str, name: str, figure: str) -> dict[str, Any]:
    row, (low, high) = results.rows[work, name], results.spread(work, name, figure)
    given = row.guarantees
    return {
        "work": work, "row": name, "durability": row.durability, "figure": figure, "unit": UNITS.get(figure, "us"),
        "median": results.middle(work, name, figure), "low": low, "high": high,
        "rounds": len(results.values(work, name, figure)), "base": row.base,
        "ratio": None if figure in COUNTS else results.times((work, row.base, figure), (work, name, figure)),
        "atomic": given.atomic, "power_cut": given.power_cut, "kill": given.kill, "machines": given.machines,
    }  # fmt: skip


def _check(check: Check, results: Results) -> dict[str, Any]:
    found = check.value(results)
    return {"check": check.say, "value": found, "least": check.least, "most": check.most, "met": check.met(results)}


def targets(results: Results, size: Size) -> str:
    """Return the table of the targets, with what was measured and whether it is met."""
    lines = ["| Work | Target | Measured | Met |", "|---|---|---|---|"]
    for target in TARGETS:
        checks = target.checks(size)
        said = "<br>".join(f"{check.say}: {_said(check, results)}" for check in checks)
        verdicts = "<br>".join(_VERDICTS[check.met(results)] for check in checks)
        lines.append(f"| {target.work} | {target.promise} | {said} | {verdicts} |")
    return "\n".join(lines) + "\n"


def _said(check: Check, results: Results) -> str:
    found = check.value(results)
    if found is None:
        return "not measured"
    bound = f" (at least {check.least:g})" if check.least is not None else ""
    bound = f" (at most {check.most:g})" if check.most is not None else bound
    return f"{found:.3g}{bound}"


def works(results: Results) -> str:
    """Return one table for each work: time a row, times the floor's rate, and what is given for it."""
    parts = [_work(results, work.name, work.about) for work in ALL if results.names(work.name)]
    failed = [f"- {work}, {row}: {error}" for (work, row), error in results.failed.items()]
    return "\n".join([*parts, *(["Failed:", "", *failed, ""] if failed else []), *_missing()])


def _missing() -> list[str]:
    return [f"Not installed, so left out: {', '.join(left_out())}.", ""] if left_out() else []


def _work(results: Results, work: str, about: str) -> str:
    figures = list(dict.fromkeys(figure for here, _, figure in results.figures if here == work))
    heads = [each for figure in figures for each in _heads(figure)]
    titles = ["row", "class", *heads, "atomic", "power cut", "kill", "machines"]
    lines = [f"### {work}", "", about, "", f"| {' | '.join(titles)} |"]
    lines.append(f"|---|---|{'--:|' * len(heads)}---|---|---|---|")
    lines += [_line(results, work, row, figures) for row in _sorted(results, work)]
    return "\n".join([*lines, ""])


def _heads(figure: str) -> Iterable[str]:
    unit = UNITS.get(figure, "µs")
    yield f"{figure}, {unit}" if unit else figure
    if figure not in COUNTS:
        yield "of base"


def _sorted(results: Results, work: str) -> list[str]:
    """Return the rows as they are listed in the work, not as chance measured them."""
    measured = set(results.names(work))
    return [row for here, row in results.rows if here == work and row in measured]


def _line(results: Results, work: str, name: str, figures: list[str]) -> str:
    row = results.rows[work, name]
    cells = [name, row.durability]
    for figure in figures:
        found = results.middle(work, name, figure)
        cells.append("-" if found is None else f"{found:,.0f}" if found >= 100 else f"{found:.3g}")
        if figure not in COUNTS:
            ratio = results.times((work, row.base, figure), (work, name, figure))
            cells.append("-" if ratio is None else f"{ratio:.2f}")
    given = row.guarantees
    cells += [given.atomic, given.power_cut, given.kill, given.machines]
    return f"| {' | '.join(cells)} |"
