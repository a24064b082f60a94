"""The group of commands: options that all of them share, errors turned into sentences and exit codes."""

import errno
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from somabus import __version__
from somabus.cli.output import Exit, Output, code_of
from somabus.errors import ConfigurationError, KeyMissingError, SomabusError
from somabus.model.trust import Policy, Trust

if TYPE_CHECKING:
    from somabus.agent import Agent
    from somabus.desk import Desk
    from somabus.operator.seat import Seat
    from somabus.settings import Settings

_MODULES: Final = {
    "init": "bus", "status": "bus", "verify": "bus", "sweep": "bus", "demo": "bus", "bench": "bus",
    "doctor": "doctor", "copy": "moving", "mirror": "moving",
    "send": "mail", "inbox": "mail", "read": "mail", "reply": "mail", "dead": "mail", "trace": "mail",
    "withdraw": "mail",
    "post": "channels", "channels": "channels", "subscribe": "channels", "unsubscribe": "channels", "arcs": "channels",
    "pad": "channels", "pair": "channels", "echo": "channels", "wait": "channels",
    "mcp": "coding", "hook": "coding", "hooks": "coding",
    "join": "routine", "beat": "routine", "due": "routine", "run": "routine", "share": "routine", "learn": "routine",
    "peers": "routine", "schedule": "schedule",
    "submit": "work", "work": "work", "jobs": "jobs", "job": "job",
    "stop": "oversight", "resume": "oversight", "stops": "oversight", "approvals": "oversight", "approve": "oversight",
    "deny": "oversight", "ask": "oversight", "audit": "oversight",
    "goals": "direction", "propose": "direction", "work-on": "direction",
    "operator": "operator", "rotate": "operator",
}  # fmt: skip
"""Which module holds a command: only that one is imported, for a command line that starts at once."""


class Context:
    """What the shared options say."""

    def __init__(self) -> None:
        self.options: dict[str, str] = {}
        self.as_json = False

    @property
    def out(self) -> Output:
        """Where to print."""
        return Output(as_json=self.as_json)

    @property
    def settings(self) -> "Settings":
        """The settings, from all sources."""
        from somabus.settings import Settings

        return Settings.load(os.environ, Path.cwd(), **self.options)

    def bus(self) -> str:
        """Return where the bus is."""
        bus = self.settings.bus
        if not bus:
            message = 'which bus? give --bus PATH, or set SOMABUS_BUS, or write bus = "PATH" into somabus.toml'
            raise ConfigurationError(message)
        return bus

    def address(self) -> str:
        """Return where the bus is, to be written down where others may read it.

        Raises:
            ConfigurationError: the address says who we are on a server.
        """
        from somabus.site import address_of, is_remote

        bus = self.bus()
        found = address_of(bus)
        if is_remote(bus) and found != bus:
            message = f"the address of the bus would be written down with a password in it; give {found}, and set"
            raise ConfigurationError(f"{message} SOMABUS_NATS_CREDS, or _USER and _PASSWORD, in the environment")
        return found

    def desk(self) -> "Desk":
        """Return the desk at which operators of the bus sit."""
        from somabus.desk import Desk

        return Desk(self.bus(), home=self.settings.home or None)

    def seat(self, name: str | None = None) -> "Seat":
        """Return the seat of an operator whose key is on this machine; asks for the passphrase if it has one."""
        return self.desk().sit(passphrase, name)

    def reader(self, name: str | None = None) -> "Seat":
        """Return a seat to look from: an operator's if one has a key on this machine. No passphrase is needed."""
        return self.desk().look(name)

    def agent(self, name: str | None = None, **declared: Any) -> "Agent":
        """Return the agent that the command speaks for."""
        from somabus.agent import Agent

        settings = self.settings
        who = settings.agent if name is None else name
        if name is None and not who:
            message = 'which agent? give --agent NAME, or set SOMABUS_AGENT, or write agent = "NAME" into somabus.toml'
            raise ConfigurationError(message)
        declared.setdefault("every", settings.every or None)
        declared.setdefault("join", False)  # only `somabus join` joins
        return Agent(who, self.bus(), home=settings.home or None, durability=settings.durability or "full", **declared)

    def unread(self) -> int | None:
        """Return how much mail waits for the agent that is set; None if none is, or if nobody could look."""
        with suppress(SomabusError):
            return self.agent().unread if self.settings.agent else None
        return None


def _store_option(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value:
        context.ensure_object(Context).options[str(parameter.name)] = value


def _store_json(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Context).as_json = True


def shared_options() -> list[click.Option]:
    """Return the options that stand before or behind every command."""
    common: dict[str, Any] = {"expose_value": False, "callback": _store_option}
    return [
        click.Option(
            ["--bus"], metavar="PATH", help="The shared folder, or a server's address (SOMABUS_BUS).", **common
        ),
        click.Option(["--agent"], metavar="NAME", help="Who you are (SOMABUS_AGENT).", **common),
        click.Option(["--json"], is_flag=True, help="Answer as JSON.", expose_value=False, callback=_store_json),
    ]


class Command(click.Command):
    """A command that also takes the shared options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += shared_options()


class Acts(click.Group):
    """A command that is a group of commands, listed in the order of a user's first day."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += shared_options()

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the commands as they were added."""
        return list(self.commands)


class Group(click.Group):
    """Finds commands late, and turns errors into a sentence and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name all commands, in the order of a user's first day."""
        first = ["init", "join", "send", "inbox", "read", "reply", "post", "channels", "subscribe", "dead", "share"]
        first += ["learn", "peers", "trace"]
        return [*first, *(name for name in _MODULES if name not in first)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of one command."""
        if cmd_name not in _MODULES:
            return None
        from importlib import import_module

        module = import_module(f"somabus.cli.{_MODULES[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note --json wherever it stands, so that even a wrong command line is answered in JSON."""
        ctx.ensure_object(Context).as_json = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        from somabus.cli.warnings import warned

        out = ctx.ensure_object(Context).out
        try:
            with warned():
                return super().invoke(ctx)
        except SomabusError as error:
            out.error(error)
            ctx.exit(code_of(error))
        except (KeyboardInterrupt, click.Abort):  # the second is what a prompt makes of the first
            ctx.exit(Exit.STOPPED)
        except click.UsageError as error:
            if not out.as_json:
                raise
            out.error(ConfigurationError(error.format_message()))
            ctx.exit(Exit.USAGE)
        except OSError as error:
            if os.name != "nt" or error.errno != errno.EINVAL:
                raise
            raise BrokenPipeError(errno.EPIPE, "the reader of a pipe has gone") from error  # as Windows says it


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version=__version__, prog_name="somabus")
@click.pass_context
def cli(context: click.Context) -> None:
    """Agents on several machines share a folder; somabus makes that folder their message bus.

    Try it: somabus demo
    """
    context.ensure_object(Context)


cli.params += shared_options()


def command(name: str, example: str, cls: type[Command] = Command) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command whose help ends with an example; its function gets the `Context` first."""

    def decorate(function: Callable[..., None]) -> click.Command:
        return click.command(name, cls=cls, epilog=f"Example: {example}")(click.pass_obj(function))

    return decorate


def passphrase(*, confirm: bool = False) -> str:
    """Return the operator's passphrase: SOMABUS_PASSPHRASE, or typed in, twice for a new key (`confirm`).

    Raises:
        ConfigurationError: it is not set, and nobody is there to type it.
    """
    said = os.environ.get("SOMABUS_PASSPHRASE")
    if said:
        return said
    if not sys.stdin.isatty():
        need = "a new key needs a passphrase" if confirm else "the operator's key is locked"
        message = f"{need}: type it at a terminal, or set SOMABUS_PASSPHRASE"
        raise ConfigurationError(message + (", or give --no-passphrase" if confirm else ""))
    return str(click.prompt("passphrase", hide_input=True, confirmation_prompt=confirm, err=True))


def standing_note(agent: "Agent") -> str:
    """Say what an agent should know of its own standing: it was revoked, or nobody certified it; or nothing."""
    me = next((each for each in agent.peers() if each.name == agent.name), None)
    if me is None or me.trust is None:
        return ""
    if me.trust is Trust.REVOKED:
        return f"nothing that {agent.name} signs counts: {me.fault}"
    if agent.bus.policy.trust is Policy.CERTIFIED and me.trust is not Trust.CERTIFIED:
        ask = f"somabus operator certify {agent.name} --expect {agent.short}"
        return f"no operator has certified {agent.name}, and this bus acts on certified mail alone; ask for: {ask}"
    return ""


def full_id(ending: str, ids: Iterable[str], what: str, see: str) -> str:
    """Return the one id that ends like this; `what` it is the id of, and `see` the command that lists them.

    Raises:
        KeyMissingError: none does. ConfigurationError: several do.
    """
    found = sorted({each for each in ids if ending.strip() and each.endswith(ending.strip())})
    if not found:
        raise KeyMissingError(ending, f"no {what} has an id that ends like this; see: {see}")
    if len(found) > 1:
        message = f"{ending!r} is the end of {len(found)} ids; give more of it: {', '.join(found[:3])}"
        raise ConfigurationError(message)
    return found[0]


def finish(code: Exit) -> None:
    """End with an exit code."""
    click.get_current_context().exit(int(code))
