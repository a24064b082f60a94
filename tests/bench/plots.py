"""Plots of the runs, as SVG: one picture a work, one panel a figure, one bar a row."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.bench.row import COUNTS, unit
from tests.bench.run import Results, over

_COLOURS: Final = {"somabus": "#1f6feb", "base": "#8b949e", "peer": "#d29922"}
_STYLE: Final = {
    "svg.fonttype": "none",  # letters stay letters: a tenth of the size
    "svg.hashsalt": "somabus",  # the same figures make the same file
    "font.size": 9,
}


def draw(runs: Sequence[Results], folder: Path) -> dict[str, Path]:
    """Draw each work into a folder; return the files by work. Needs matplotlib."""
    import matplotlib as mpl

    mpl.use("svg")
    folder.mkdir(parents=True, exist_ok=True)
    works = dict.fromkeys(work for results in runs for work, _, _ in results.figures)
    with mpl.rc_context(_STYLE):
        return {work: _draw(runs, work, folder) for work in works}


def _draw(runs: Sequence[Results], work: str, folder: Path) -> Path:
    import matplotlib.pyplot as plt

    found = [figure for results in runs for here, _, figure in results.figures if here == work]
    names, figures = runs[0].names(work), [each for each in dict.fromkeys(found) if each not in COUNTS]
    size = (2.6 + 3.2 * len(figures), 0.9 + 0.26 * len(names))
    fig, panels = plt.subplots(1, len(figures), figsize=size, sharey=True, squeeze=False, layout="constrained")
    for axes, figure in zip(panels[0], figures, strict=True):
        _panel(axes, runs, work, figure, names)
    kinds = dict.fromkeys(_kind(runs, work, name) for name in names)
    handles = [plt.Rectangle((0, 0), 1, 1, color=_COLOURS[kind]) for kind in kinds]
    fig.legend(handles, list(kinds), loc="outside upper right", ncols=len(kinds), frameon=False)
    fig.suptitle(f"{work}: less is better", x=0.01, ha="left", fontweight="bold")
    path = folder / f"{re.sub(r'[^a-z0-9]+', '-', work)}.svg"
    fig.savefig(path, metadata={"Date": None})
    plt.close(fig)
    return path


def _panel(axes: Any, runs: Sequence[Results], work: str, figure: str, names: list[str]) -> None:
    for place, name in enumerate(reversed(names)):
        found = over(runs, lambda results, name=name: results.middle(work, name, figure))
        if found is None:
            continue
        ends = [[found.middle - found.low], [found.high - found.middle]]
        colour, line = _COLOURS[_kind(runs, work, name)], {"elinewidth": 0.8}
        bar = axes.barh(place, found.middle, color=colour, xerr=ends if len(runs) > 1 else None, error_kw=line)
        axes.bar_label(bar, fmt="{:,.3g}" if found.middle < 100 else "{:,.0f}", padding=3)
    axes.set_yticks(range(len(names)), list(reversed(names)))
    axes.set_xlabel(f"{figure}, {unit(figure)}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.2)
    axes.locator_params(axis="x", nbins=4)


def _kind(runs: Sequence[Results], work: str, name: str) -> str:
    if "somabus" in name or name.startswith("Agent."):
        return "somabus"
    bases = {row.base for (here, _), row in runs[0].rows.items() if here == work}
    return "base" if name in bases or name.startswith(("floor", "python")) else "peer"
