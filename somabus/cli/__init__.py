"""The `somabus` command: parse, call the agent, print. Exit codes stand in `somabus.cli.output`."""

from somabus.cli.group import cli


def main() -> None:
    """Run the command line and exit with its code."""
    cli(prog_name="somabus")
