"""What was measured as tables: Markdown for people, plain objects for JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.bench.check import Check
from tests.bench.queues import left_out
from tests.bench.row import COUNTS, Guarantees, Row, Size, unit
from tests.bench.run import Found, Results, over
from tests.bench.targets import TARGETS
from tests.bench.works import ALL

_VERDICTS = {True: "met", False: "**not met**", None: "-"}
_TEXTS = ("row", "class", "gives")
_WORDS = {"atomic": "atomic", "power_cut": "power cut", "kill": "kill", "machines": "machines"}


def as_object(runs: Sequence[Results], size: Size, machine: dict[str, object]) -> dict[str, Any]:
    """Return everything: the machine, the targets, and of each run each figure of each row with median, spread and ratio."""
    return {
        "size": size.value,
        "machine": machine,
        "left_out": left_out(),
        "targets": [
            {"work": each.work, "target": each.promise, "checks": [_check(one, runs) for one in each.checks(size)]}
            for each in TARGETS
        ],
        "runs": [_run(results) for results in runs],
    }


def _run(results: Results) -> dict[str, Any]:
    failed = [{"work": work, "row": row, "error": error} for (work, row), error in results.failed.items()]
    listed = list(results.rows)
    keys = sorted(results.figures, key=lambda key: listed.index(key[:2]))
    return {"failed": failed, "rows": [_row(results, *key) for key in keys]}


def _row(results: Results, work: str, name: str, figure: str) -> dict[str, Any]:
    row, (low, high) = results.rows[work, name], results.spread(work, name, figure)
    return {
        "work": work, "row": name, "durability": row.durability, "figure": figure, "unit": unit(figure),
        "median": results.middle(work, name, figure), "low": low, "high": high,
        "rounds": len(results.values(work, name, figure)), "base": row.base,
        "ratio": None if figure in COUNTS else results.times((work, row.base, figure), (work, name, figure)),
        **{word: getattr(row.guarantees, word) for word in _WORDS},
    }  # fmt: skip


def _check(check: Check, runs: Sequence[Results]) -> dict[str, Any]:
    found = check.found(runs)
    value, low, high = (found.middle, found.low, found.high) if found else (None, None, None)
    bounds = {"least": check.least, "most": check.most}
    return {"check": check.say, "value": value, "low": low, "high": high, **bounds, "met": check.met(runs)}


def targets(runs: Sequence[Results], size: Size) -> str:
    """Return the table of the targets, with what was measured and whether it is met."""
    lines = ["| Work | Target | Measured | Met |", "|---|---|---|---|"]
    for target in TARGETS:
        checks = target.checks(size)
        said = "<br>".join(f"{check.say}: {_said(check, runs)}" for check in checks)
        verdicts = "<br>".join(_VERDICTS[check.met(runs)] for check in checks)
        lines.append(f"| {target.work} | {target.promise} | {said} | {verdicts} |")
    return "\n".join(lines) + "\n"


def _said(check: Check, runs: Sequence[Results]) -> str:
    found = check.found(runs)
    if found is None:
        return "not measured"
    bound = f", at least {check.least:g}" if check.least is not None else ""
    bound = f", at most {check.most:g}" if check.most is not None else bound
    return f"{_with_range(found)}{bound}"


def works(runs: Sequence[Results], pictures: Mapping[str, str]) -> str:
    """Return one table for each work, with its picture where there is one: times, how many times the base's rate, and what is given for it."""
    measured = [work for work in ALL if runs[0].names(work.name)]
    parts = [_work(runs, work.name, work.about, pictures.get(work.name)) for work in measured]
    missing = [f"Not installed, so left out: {', '.join(left_out())}.", ""] if left_out() else []
    return "\n".join([*parts, *missing])


def _work(runs: Sequence[Results], work: str, about: str, picture: str | None) -> str:
    shown = [(title, cells) for title, cells in _columns(runs, work) if set(cells) != {"-"}]
    lines = [
        f"| {' | '.join(title for title, _ in shown)} |",
        f"|{'|'.join('---' if title in _TEXTS else '--:' for title, _ in shown)}|",
        *(f"| {' | '.join(line)} |" for line in zip(*(cells for _, cells in shown), strict=True)),
    ]
    failed = {row: error for results in runs for (here, row), error in results.failed.items() if here == work}
    notes = [f"Failed in some round: {row}: {error}" for row, error in failed.items()]
    notes += [f"![{work}]({picture})"] if picture else []
    return "\n\n".join([f"### {work}", about, "\n".join(lines), *notes]) + "\n"


def _columns(runs: Sequence[Results], work: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the title and the cells of each column; a dash in a cell stands for nothing."""
    names = runs[0].names(work)
    rows = [runs[0].rows[work, name] for name in names]
    figures = list(dict.fromkeys(each for results in runs for here, _, each in results.figures if here == work))
    counts = [each for each in COUNTS if each in figures]
    yield "row", names
    yield "class", [row.durability for row in rows]
    for figure in figures:
        if figure not in COUNTS:
            yield f"{figure}, {unit(figure)}", [_time(runs, work, row, figure) for row in rows]
            yield "of base", [_ratio(runs, work, row, figure) for row in rows]
    if counts:
        yield " / ".join(counts), [" / ".join(_worst(runs, work, name, each) for each in counts) for name in names]
    yield "gives", [_given(row.guarantees) for row in rows]


def _time(runs: Sequence[Results], work: str, row: Row, figure: str) -> str:
    found = over(runs, lambda results: results.middle(work, row.name, figure))
    return _rounded(found.middle) if found else "-"


def _ratio(runs: Sequence[Results], work: str, row: Row, figure: str) -> str:
    found = over(runs, lambda results: results.times((work, row.base, figure), (work, row.name, figure)))
    return "-" if found is None else "base" if row.name == row.base else _with_range(found)


def _worst(runs: Sequence[Results], work: str, name: str, figure: str) -> str:
    """Return the most of any round: a queue that loses once in ten rounds is one that loses."""
    found = [value for results in runs for value in results.values(work, name, figure)]
    return f"{max(found):.0f}" if found else "-"


def _given(guarantees: Guarantees) -> str:
    """Name what is given, and what is given under a condition with that condition."""
    given = {said: getattr(guarantees, word) for word, said in _WORDS.items()}
    kept = {said: word.removeprefix("yes").lstrip(", ") for said, word in given.items() if word[0] not in "-n"}
    return ", ".join(f"{said} ({condition})" if condition else said for said, condition in kept.items()) or "-"


def _with_range(found: Found) -> str:
    ends = f" ({_rounded(found.low)}–{_rounded(found.high)})" if found.low != found.high else ""  # noqa: RUF001
    return f"{_rounded(found.middle)}{ends}"


def _rounded(value: float) -> str:
    if value >= 10:
        return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 or not value else f"{value:.2g}"
