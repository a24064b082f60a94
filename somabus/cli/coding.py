"""Commands for coding agents: mcp, hook, hooks."""

import json
import os
import sys
from pathlib import Path

import click

from somabus.agent import Agent
from somabus.cli import WAKE, collector
from somabus.cli.group import Acts, Command, Context, command
from somabus.connection import base_of
from somabus.errors import ConfigurationError
from somabus.home import mcp_token
from somabus.hooks import glance
from somabus.hooks.hosts import HOSTS
from somabus.hooks.install import Change, apply, installed, snippet, uninstalled
from somabus.hooks.run import Call, complain, log_to

_NEEDS = "the MCP server needs an extra: pip install 'somabus[mcp]'"


@command("mcp", "somabus mcp --http 7420")
@click.option(
    "--http", "port", type=click.IntRange(0, 65_535), help="Serve over HTTP on this port of 127.0.0.1; 0: a free one."
)
def mcp(context: Context, port: int | None) -> None:
    """Serve the bus to a coding agent as MCP tools.

    Over standard input and output; with --http to others on this machine who send the token that lies in
    SOMABUS_HOME/mcp-token, or in SOMABUS_MCP_TOKEN.
    The server speaks for the one agent that is set; no tool takes an identity.
    """
    try:
        from somabus.mcp.serve import serve_http, serve_stdio
    except ImportError as error:
        raise ConfigurationError(_NEEDS) from error
    agent, watcher = context.agent(), context.agent()
    collector.work()
    if port is None:
        serve_stdio(agent, watcher)
        return
    base = base_of(context.settings.home or None)
    token = os.environ.get("SOMABUS_MCP_TOKEN") or mcp_token(base, os.urandom)
    where = "SOMABUS_MCP_TOKEN" if os.environ.get("SOMABUS_MCP_TOKEN") else str(base / "mcp-token")

    def ready(url: str) -> None:
        click.echo(f"{agent.name} #{agent.short} at {url}; send the token in {where} as Authorization: Bearer …")

    serve_http(agent, watcher, port=port, token=token, ready=ready)


class Hook(Command):
    """A command whose wrong use breaks nothing: a host takes exit code 2, the usual one, for an order to go on."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep silent about a command line that is wrong, unless a human has typed it."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if sys.stdin is not None and sys.stdin.isatty():
                raise
            with log_to(_glances().parent):
                complain(ConfigurationError(f"somabus {' '.join(sys.argv[1:])}: {error.format_message()}"))
            ctx.exit()


def _glances() -> Path:
    return Path(glance.folder(sys.argv[2:], os.environ))


@click.command("hook", cls=Hook, epilog="Example: somabus hook claude-code --agent worker")
@click.pass_obj
@click.argument("host", type=click.Choice(list(HOSTS)))
@click.option(
    "--wait", "waits", is_flag=True, help="Wait in the background until something comes, then wake the session."
)
@click.option("--home", help="Where the key of the agent lies (SOMABUS_HOME).")
def hook(context: Context, host: str, home: str | None, *, waits: bool) -> None:
    """Answer the hook of a coding agent.

    Its event comes on standard input; what is new and untold goes to standard output. Silent, with exit 0, if nothing
    is new and if anything is wrong; `hooks.log` in the home has a line then.
    """
    if host == "claude-code" and "CURSOR_VERSION" in os.environ:
        return  # Cursor runs the hooks of Claude Code, too, and has hooks of its own
    if home:
        context.options["home"] = home
    order, glances = sys.argv[2:], _glances()
    event = b"" if sys.stdin is None else sys.stdin.buffer.read()
    with log_to(glances.parent):
        reply = Call(
            HOSTS[host], order, event, waits=waits, agent=context.agent, bus=context.bus, glances=str(glances)
        ).reply()
    click.echo(reply.out, nl=bool(reply.out))
    click.echo(reply.err, nl=bool(reply.err), err=True)
    click.get_current_context().exit(WAKE if reply.code else 0)


@click.group("hooks", cls=Acts, epilog="Example: somabus hooks install claude-code")
def hooks() -> None:
    """Let a coding agent show unread mail by itself."""


_HOST = click.argument("host", type=click.Choice(list(HOSTS)))
_USER = click.option(
    "--user/--project",
    "user",
    default=False,
    help="For all projects of this user, or for this one.  [default: --project]",
)
_DRY = click.option("--dry-run", is_flag=True, help="Show what the file would hold, and change nothing.")


@hooks.command("install", cls=Command, epilog="Example: somabus hooks install claude-code --project")
@_HOST
@_USER
@_DRY
@click.pass_obj
def install(context: Context, host: str, *, user: bool, dry_run: bool) -> None:
    """Write the hooks into the tool's settings.

    What stands there stays as it is, byte for byte.
    """
    path = HOSTS[host].settings(Path.cwd(), Path.home(), user=user)
    agent = context.agent()
    change = installed(HOSTS[host], path, _arguments(context, agent))
    _finish(context, change, dry_run=dry_run, unread=agent.unread)


@hooks.command("uninstall", cls=Command, epilog="Example: somabus hooks uninstall claude-code --project")
@_HOST
@_USER
@_DRY
@click.pass_obj
def uninstall(context: Context, host: str, *, user: bool, dry_run: bool) -> None:
    """Take the hooks out of the tool's settings."""
    path = HOSTS[host].settings(Path.cwd(), Path.home(), user=user)
    _finish(context, uninstalled(HOSTS[host], path), dry_run=dry_run, unread=None)


@hooks.command("show", cls=Command, epilog="Example: somabus hooks show claude-code")
@_HOST
@click.pass_obj
def show(context: Context, host: str) -> None:
    """Print the hooks, to be pasted by hand."""
    agent = context.agent()
    settings = snippet(HOSTS[host], _arguments(context, agent))
    context.out.answer({"settings": settings}, json.dumps(settings, indent=2), unread=agent.unread)


def _arguments(context: Context, agent: Agent) -> list[str]:
    """Return what the command of a hook must say: a hook runs with another environment and in another folder."""
    settings = context.settings
    home = ["--home", str(Path(settings.home).absolute())] if settings.home else []
    return ["--bus", context.address(), "--agent", agent.name, *home]


def _finish(context: Context, change: Change, *, dry_run: bool, unread: int | None) -> None:
    if change.any and not dry_run:
        apply(change)
    did = [
        f"{word} {', '.join(names)}"
        for word, names in (("added", change.added), ("replaced", change.replaced), ("removed", change.removed))
        if names
    ]
    said = f"{change.path}: {'; '.join(did) or 'nothing to change'}" + (" (dry run)" if dry_run else "")
    facts = {
        "path": str(change.path),
        "changed": change.any and not dry_run,
        "added": change.added,
        "replaced": change.replaced,
        "removed": change.removed,
        "text": change.text,
    }
    context.out.answer(facts, f"{said}\n{change.text}" if dry_run else said, unread=unread)
