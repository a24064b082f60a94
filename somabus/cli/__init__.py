"""The `somabus` command: parse, call the agent, print. Exit codes stand in `somabus.cli.output`."""

import io
import os
import sys

from somabus.cli import collector

WAKE = 42
"""How the command `hook` ends to wake a session; nothing else ends so, so that no mistake can be taken for it."""


def main() -> None:
    """Run the command line and exit with its code."""
    collector.rest()
    if sys.argv[1:2] == ["hook"]:
        sys.exit(_hook())
    from somabus.cli.group import cli
    from somabus.cli.streams import prepare

    prepare(as_json="--json" in sys.argv)
    cli(prog_name="somabus")


def _hook() -> int:
    """Run a hook and return its code: 2 to wake a session, else 0, whatever went wrong.

    A wrong command line ends with 2 elsewhere, and a host would take that for a word to the model, again and again.
    """
    try:
        if _quiet(sys.argv[2:]):
            return 0
        from somabus.cli.group import cli

        if isinstance(sys.stderr, io.TextIOWrapper):
            sys.stderr.reconfigure(encoding="utf-8")  # the host reads it, be the system's own encoding what it may
        cli(prog_name="somabus")
    except SystemExit as end:
        return 2 if end.code == WAKE else 0
    except Exception:  # noqa: BLE001 - never break the host's session
        return 0
    return 0


def _quiet(order: list[str]) -> bool:
    """Tell whether a hook has nothing to say: it is called after every use of a tool, and must not be felt."""
    if "--wait" in order or sys.stdin is None or sys.stdin.isatty():
        return False

    from somabus.hooks.glance import folder, nothing_moved

    event = sys.stdin.buffer.read()
    sys.stdin = io.TextIOWrapper(io.BytesIO(event), encoding="utf-8")
    return nothing_moved(folder(order, os.environ), order, event)
