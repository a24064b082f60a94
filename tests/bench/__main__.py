"""`python -m tests.bench`: measure, print the table of the targets, and write what is asked for."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import machine, page, plots, table
from tests.bench.queues import left_out
from tests.bench.row import Size
from tests.bench.run import measure
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
    parser.add_argument("--rounds", type=int, help="as many, whatever the size says")
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
        print(f"not installed, so left out: {', '.join(left_out())}", file=sys.stderr)
    with TemporaryDirectory(prefix="somabus-bench-", dir=given.folder) as scratch:
        facts = machine.facts(Path(scratch))
        results = measure(
            works, given.size, Path(scratch), rounds=given.rounds, say=lambda what: print(what, file=sys.stderr)
        )
    tables = f"{_caption(given.size, facts)}\n\n{table.targets(results, given.size)}\n{table.works(results)}"
    print(tables)
    if given.json:
        given.json.write_text(
            json.dumps(table.as_object(results, given.size, facts), indent=1) + "\n", encoding="utf-8"
        )
    drawn = plots.draw(results, given.plot) if given.plot else []
    if given.markdown:
        page.insert(given.markdown, f"{tables}\n{plots.gallery(drawn, given.markdown)}" if drawn else tables)


def _caption(size: Size, facts: dict[str, object]) -> str:
    named = ("system", "python", "cpu", "cores", "file_system", "somabus", "sqlite")
    said = ", ".join(f"{name.replace('_', ' ')} {facts[name]}" for name in named)
    return f"Measured on {datetime.now(UTC):%Y-%m-%d}, size {size}: {said}."


if __name__ == "__main__":
    main()
