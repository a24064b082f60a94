"""The `somabus` command: parse, call the agent, print. Exit codes stand in `somabus.cli.output`."""

import os
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:2] == ["hook"] and _quiet(sys.argv[2:]):
        return
    from somabus.cli.group import cli

    cli(prog_name="somabus")


def _quiet(order: list[str]) -> bool:
    """Tell whether a hook has nothing to say: it is called after every use of a tool, and must not be felt."""
    if "--wait" in order or sys.stdin is None or sys.stdin.isatty():
        return False
    import io

    from somabus.hooks.glance import folder, nothing_moved

    event = sys.stdin.buffer.read()
    sys.stdin = io.TextIOWrapper(io.BytesIO(event), encoding="utf-8")
    return nothing_moved(folder(order, os.environ), order, event)
