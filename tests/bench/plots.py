"""Plots of a run, as SVG: one bar a row, one file for each figure of a work."""

import os
import re
from pathlib import Path

from tests.bench.row import COUNTS, UNITS
from tests.bench.run import Results

_OURS, _BARE, _OTHERS = "#1f6feb", "#8b949e", "#d29922"


def draw(results: Results, folder: Path) -> list[Path]:
    """Draw every figure that has several rows into a folder; return the files. Needs matplotlib."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "somabus"  # the same figures make the same file
    folder.mkdir(parents=True, exist_ok=True)
    figures = dict.fromkeys((work, figure) for work, _, figure in results.figures if figure not in COUNTS)
    return [_draw(results, work, figure, folder) for work, figure in figures]


def gallery(drawn: list[Path], page: Path) -> str:
    """Return Markdown that shows the plots on a page."""
    shown = [os.path.relpath(each, page.parent).replace(os.sep, "/") for each in drawn]
    return "\n".join(
        ["### Plots", "", *(f"![{each.stem}]({path})" for each, path in zip(drawn, shown, strict=True)), ""]
    )


def _draw(results: Results, work: str, figure: str, folder: Path) -> Path:
    import matplotlib.pyplot as plt

    names = [row for row in results.names(work) if results.values(work, row, figure)]
    names.sort(key=lambda row: -(results.middle(work, row, figure) or 0))
    middles = [results.middle(work, row, figure) for row in names]
    fig, axes = plt.subplots(figsize=(8, 0.9 + 0.28 * len(names)), layout="constrained")
    bars = axes.barh(names, middles, color=[_colour(name) for name in names])
    axes.bar_label(bars, fmt="{:,.3g}", padding=3, fontsize=8)
    axes.set_xlabel(f"{UNITS.get(figure, 'µs')}, less is better")
    axes.set_title(f"{work}: {figure}")
    axes.margins(x=0.12)
    axes.tick_params(labelsize=8)
    path = folder / f"{re.sub(r'[^a-z0-9]+', '-', f'{work} {figure}'.lower())}.svg"
    fig.savefig(path, metadata={"Date": None})
    plt.close(fig)
    return path


def _colour(name: str) -> str:
    if "somabus" in name or name.startswith("Agent."):
        return _OURS
    return _BARE if name.startswith(("floor", "bare", "imports")) else _OTHERS
