"""What a terminal shows while something takes its time: a bar, on stderr, gone when it is done."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[str, float, float], None]
"""What is being done, how far it is, of how much; 0 for "nobody knows"."""


@contextmanager
def progress(*, shown: bool) -> Iterator[Tell]:
    """Yield what is to be told; where nobody looks at a terminal it goes nowhere."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _what, _passed, _whole: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def tell(what: str, passed: float, whole: float) -> None:
            bar.update(task, description=what, completed=passed, total=whole or None)

        yield tell
