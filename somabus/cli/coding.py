"""Commands for coding agents: mcp, hook, hooks."""

import os

import click

from somabus.cli.group import Context, command
from somabus.connection import base_of
from somabus.errors import ConfigurationError
from somabus.home import mcp_token

_NEEDS = "the MCP server needs an extra: pip install 'somabus[mcp]'"


@command("mcp", "somabus mcp --http 7420")
@click.option(
    "--http", "port", type=click.IntRange(0, 65_535), help="Serve over HTTP on this port of 127.0.0.1; 0: a free one."
)
def mcp(context: Context, port: int | None) -> None:
    """Serve the bus as MCP tools to a coding agent, over standard input and output.

    With --http also to others on this machine who send the token in SOMABUS_HOME/mcp-token, or SOMABUS_MCP_TOKEN.
    The server speaks for the one agent that is set; no tool takes an identity.
    """
    try:
        from somabus.mcp.serve import serve_http, serve_stdio
    except ImportError as error:
        raise ConfigurationError(_NEEDS) from error
    agent, watcher = context.agent(), context.agent()
    if port is None:
        serve_stdio(agent, watcher)
        return
    base = base_of(context.settings.home or None)
    token = os.environ.get("SOMABUS_MCP_TOKEN") or mcp_token(base, os.urandom)
    where = "SOMABUS_MCP_TOKEN" if os.environ.get("SOMABUS_MCP_TOKEN") else str(base / "mcp-token")

    def ready(url: str) -> None:
        click.echo(f"{agent.name} #{agent.short} at {url}; send the token in {where} as Authorization: Bearer …")

    serve_http(agent, watcher, port=port, token=token, ready=ready)
