"""Commands that move a bus to another place: copy, mirror."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from somabus.cli.group import Context, command, finish
from somabus.cli.output import Exit, typed
from somabus.cli.progress import progress
from somabus.cli.signals import interrupted, stopping
from somabus.errors import ConfigurationError, StoreUnavailableError
from somabus.site import address_of, check_separate, is_remote

if TYPE_CHECKING:
    from somabus.copying import Copied, Seen
    from somabus.store.port import Store

_NOTE = """\
This folder is a copy of the bus at {source}, to look at.

Agents read the bus and not this folder: what is changed here changes nothing, and is put right by the next look.
A file STOP in here stops nobody. This does: somabus --bus {typed} stop
"""


@command("copy", "somabus copy X:/soma_network nats://10.0.0.7:4222/soma")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--over", is_flag=True, help="Also over this same bus, stopped: what happened there is undone.")
def copy(context: Context, source: str, target: str, *, over: bool) -> None:
    """Copy a whole bus to another folder or server.

    While the bus is at work the copy is made ahead, and is no bus yet. Stop the bus (somabus stop) and copy again: that
    brings what has changed, and makes the copy the bus. One that was cut off goes on where it was.
    """
    from somabus import copying
    from somabus.connection import new_writer, open_bus
    from somabus.site import new_ground

    here = open_bus(source, home=context.settings.home or None)
    check_separate(source, target)
    there = new_ground(target, new_writer())
    with interrupted(), _bar(context, here) as seen:
        done = copying.copy(here, there, over=over, seen=seen)
    lines = [_counted(done), *_left(done), *(_moved if done.finished else _ahead)(source, target)]
    context.out.answer(done._asdict(), "\n".join(lines))
    finish(Exit.DONE if done.finished and not done.left else Exit.UNWELL)


@command("mirror", "somabus mirror nats://10.0.0.7:4222/soma soma-to-look-at --once")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="FOLDER")
@click.option("--once", is_flag=True, help="Bring the folder up to date, and end.")
@click.option("--every", "every_s", type=click.FloatRange(min=1), default=10.0, show_default=True, help="In seconds.")
def mirror(context: Context, source: str, target: str, *, once: bool, every_s: float) -> None:
    """Keep a folder as a copy of a bus to look at.

    The folder is no bus: nothing in it acts on anybody. Ctrl-C ends it.
    """
    from somabus import copying
    from somabus.connection import new_writer, open_bus
    from somabus.store.directory import DirectoryStore

    if is_remote(target):
        message = f"{address_of(target)} is no folder; a bus is copied to a server with: somabus copy"
        raise ConfigurationError(message)
    here = open_bus(source, home=context.settings.home or None)
    check_separate(source, target)
    there = DirectoryStore(address_of(target), writer=new_writer(), durability="none")
    note = _NOTE.format(source=address_of(source), typed=typed(address_of(source)))
    with _bar(context, here) as seen:
        done = copying.mirror(here, there, note=note, seen=seen)
    _tell(context, done)
    with stopping() as stop:
        while not (once or stop.wait(every_s)):
            try:
                done = copying.mirror(here, there, note=note, again=True)
            except StoreUnavailableError as error:  # the next look may find it
                context.out.error(error)
                continue
            if done.written or done.removed:
                _tell(context, done)
    finish(Exit.UNWELL if done.left else Exit.DONE)


def _tell(context: Context, done: "Copied") -> None:
    context.out.answer(done._asdict(), "\n".join([_counted(done), *_left(done)]))


def _counted(done: "Copied") -> str:
    return f"{done.documents:,} documents: {done.written:,} written, {done.removed:,} removed"


def _left(done: "Copied") -> Iterator[str]:
    for key in done.left:
        yield f"not copied, for no agent could read it: {key}"


def _moved(source: str, target: str) -> Iterator[str]:
    there = typed(address_of(target))
    yield "both hold the same, and both are stopped; next:"
    yield f"  on each machine SOMABUS_BUS={there}, and schedule install again where a schedule was installed"
    yield f"  somabus --bus {there} resume"
    yield f"{address_of(source)} stays stopped; nobody should resume it, or one bus is at work in two places"


def _ahead(source: str, target: str) -> Iterator[str]:
    here, there = typed(address_of(source)), typed(address_of(target))
    yield "the copy is no bus yet, for the bus is at work, or was until a moment ago; to finish it:"
    yield f"  somabus --bus {here} stop --why {typed(f'moves to {address_of(target)}')}"
    yield f"  somabus copy {here} {there}"


@contextmanager
def _bar(context: Context, source: "Store", *, shown: bool = True) -> "Iterator[Seen]":
    from somabus.copying import count

    with progress(shown=shown and not context.as_json) as tell:
        tell("counting", 0, 0)
        whole = count(source) if shown and not context.as_json else 0
        yield lambda copied: tell(f"{copied:,} documents", copied, whole)
