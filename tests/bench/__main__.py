"""`python -m tests.bench`: measure, print the table of the targets, and write what is asked for."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import machine, page, plots, table
from tests.bench.queues import left_out
from tests.bench.row import Size
from tests.bench.run import Results, measure
from tests.bench.works import ALL


def options(order: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", dest="size", action="store_const", const=Size.QUICK, help="under two minutes")
    sizes.add_argument("--tiny", dest="size", action="store_const", const=Size.TINY, help="only see that it runs")
    parser.add_argument(
        "--only", nargs="+", metavar="WORK", choices=[work.name for work in ALL], help="these works alone"
    )
    parser.add_argument("--folder", type=Path, help="measure the drive of this folder; the temporary one's by default")
    parser.add_argument("--runs", type=int, default=1, help="repeat all of it; the tables show medians and ranges")
    parser.add_argument("--rounds", type=int, help="as many in each run, whatever the size says")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the tables, between the markers if it has some"
    )
    parser.add_argument("--plot", type=Path, metavar="DIR", help="draw the figures as SVG; needs matplotlib")
    parser.set_defaults(size=Size.FULL)
    return parser.parse_args(order)


def main(order: list[str] | None = None) -> None:
    """Run."""
    given = options(order)
    works = [work for work in ALL if not given.only or work.name in given.only]
    if left_out():
        _say(f"not installed, so left out: {', '.join(left_out())}")
    runs: list[Results] = []
    for number in range(given.runs):
        _say(f"run {number + 1} of {given.runs}")
        with TemporaryDirectory(prefix="somabus-bench-", dir=given.folder) as scratch:
            facts = machine.facts(Path(scratch))
            runs.append(measure(works, given.size, Path(scratch), rounds=given.rounds, say=_say))
        tables = _write(given, runs, facts)  # after each of them, so that what comes later takes nothing away
    print(tables)


def _write(given: argparse.Namespace, runs: Sequence[Results], facts: dict[str, object]) -> str:
    """Write what is asked for, and return the tables."""
    drawn = plots.draw(runs, given.plot) if given.plot else {}
    beside = given.markdown.parent if given.markdown else Path()
    pictures = {work: os.path.relpath(path, beside).replace(os.sep, "/") for work, path in drawn.items()}
    head = f"{_caption(given.size, len(runs), facts)}\n\n{table.targets(runs, given.size)}"
    tables = f"{head}\n{table.works(runs, pictures)}"
    if given.json:
        text = json.dumps(table.as_object(runs, given.size, facts), indent=1)
        given.json.write_text(f"{text}\n", encoding="utf-8")
    if given.markdown:
        page.insert(given.markdown, tables)
    return tables


def _caption(size: Size, runs: int, facts: dict[str, object]) -> str:
    named = ("system", "python", "cpu", "cores", "file_system", "somabus", "sqlite")
    said = ", ".join(f"{name.replace('_', ' ')} {facts[name]}" for name in named)
    return f"Measured on {datetime.now(UTC):%Y-%m-%d}, size {size}, runs {runs}: {said}."


def _say(what: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    # An end that unwinds, so that neither a child nor the scratch folder stays behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    main()
