"""Commands that move a bus between stores: copy, mirror."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from somabus.cli.group import Context, command, finish
from somabus.cli.output import Exit
from somabus.cli.signals import stopping

if TYPE_CHECKING:
    from somabus.copying import Copied
    from somabus.store.port import Store


@command("copy", "somabus copy X:/soma_network nats://10.0.0.7:4222/soma")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--removing", is_flag=True, help="Take away at TO what FROM does not hold any more.")
def copy(context: Context, source: str, target: str, *, removing: bool) -> None:
    """Copy a whole bus to another folder or server, and prove that both hold the same.

    Stop the bus first (somabus stop): what is written meanwhile may be missing. A copy that was cut off goes on where
    it was when it is begun again. The agents go on with the same keys: only --bus is another one.
    """
    from somabus import copying

    here, there = _store(context, source), _ground(context, target)
    with _progress(context) as seen:
        done = copying.copy(here, there, removing=removing, seen=seen)
        proven = copying.digest(there)
    _tell(context, done, proven)


@command("mirror", "somabus mirror nats://10.0.0.7:4222/soma ./soma-to-look-at")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="FOLDER")
@click.option("--once", is_flag=True, help="Bring the folder up to date, and end.")
@click.option("--every", "every_s", type=click.FloatRange(min=1), default=10.0, show_default=True, help="In seconds.")
def mirror(context: Context, source: str, target: str, *, once: bool, every_s: float) -> None:
    """Keep a folder as a readable copy of a bus, for people who like to look.

    What is changed in the folder changes nothing on the bus, and is put right at the next look. Ctrl-C ends it.
    """
    from somabus import copying

    here, there = _store(context, source), _ground(context, target)
    with stopping() as stop:
        while True:
            done = copying.copy(here, there, removing=True)
            if once or context.as_json or done.written or done.removed:
                _tell(context, done, done.digest)
            if once or stop.wait(every_s):
                return


def _tell(context: Context, done: "Copied", proven: str) -> None:
    same = done.digest == proven
    facts = {
        "documents": done.documents, "written": done.written, "removed": done.removed, "digest": done.digest,
        "same": same,
    }  # fmt: skip
    said = f"{done.documents} documents, {done.written} written, {done.removed} removed; "
    said += f"both hold the same: {done.digest[:16]}" if same else "they differ: somebody wrote meanwhile; copy again"
    context.out.answer(facts, said)
    if not same:
        finish(Exit.UNWELL)


def _store(context: Context, where: str) -> "Store":
    from somabus.connection import base_of, new_writer
    from somabus.site import open_site

    return open_site(where, base_of(context.settings.home or None), new_writer()).store


def _ground(context: Context, where: str) -> "Store":
    from somabus.connection import new_writer
    from somabus.site import new_ground

    return new_ground(where, new_writer())


@contextmanager
def _progress(context: Context) -> Iterator[Callable[[int], None]]:
    with context.out.busy("copying") as say:
        yield lambda count: say(f"{count:,} documents")
