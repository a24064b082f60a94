"""The scratchpad of an arc: one text that several agents write, one after the other.

    channels/arc=wiki/scratchpad/0000000/0000000007.json    every version, signed by who wrote it; the last one counts
    channels/arc=wiki/scratchpad.md                         the same text, for people; nobody reads it back

The lease keeps two from writing at the same time; the number decides: a version is created exclusively, so nobody
writes over a version that he has not read. Power cut between the two writes: the text for people is one version old.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from somabus.composer import Composer
from somabus.errors import StaleVersionError
from somabus.lease import Leases
from somabus.log import Log
from somabus.model import tree
from somabus.model.draft import Draft
from somabus.model.names import is_name
from somabus.reader import Entry, Reader, Writers
from somabus.store.port import Store

KIND: Final = "scratchpad"
OWNED_FOR: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a scratchpad; `by` is read from the key, as `worker #1a2b3c4d`. Version 0 is the empty one."""

    number: int
    text: str = ""
    by: str = ""
    at: datetime | None = None


class Scratchpad:
    """The scratchpad of one arc, for one agent.

    Args:
        arc: the arc's channel.
        store: the bus.
        me: the agent's name.
        reader: judges versions.
        composer: seals them.
        leases: takes the lease.
        check: lets nothing be written under a stop.
    """

    def __init__(
        self,
        arc: str,
        *,
        store: Store,
        me: str,
        reader: Reader,
        composer: Composer,
        leases: Leases,
        check: Callable[[str, list[str]], object],
    ) -> None:
        self._arc = arc
        self._store = store
        self._me = me
        self._reader = reader
        self._composer = composer
        self._leases = leases
        self._check = check
        self._log = Log(store, tree.scratchpad(arc))
        self._writers = Writers(None, arc)

    def read(self) -> Version:
        """Return the text as it is now; version 0 if nobody has written yet. What cannot be trusted is passed over."""
        found = (self._version(number) for number in range(self._last(), 0, -1))
        return next((each for each in found if each is not None), Version(0))

    def history(self) -> tuple[Version, ...]:
        """Return all versions that can be trusted, the oldest first."""
        found = (self._version(number) for number in self._log.after(0, self._last()))
        return tuple(each for each in found if each is not None)

    def owner(self) -> str | None:
        """Return the agent that owns it now, or None."""
        held = self._leases.held(self._name)
        return None if held is None else held.agent

    def write(self, text: str, *, based_on: int | None = None, for_: timedelta = OWNED_FOR) -> Version:
        """Write the whole text anew, and own the scratchpad for a while; on return it is on the drive.

        Args:
            text: Markdown.
            based_on: the version that was read before; refused if there is a newer one.
            for_: how long nobody else may write, unless it is released.

        Raises:
            LeaseHeldError: somebody else owns it; it says who and until when.
            StaleVersionError: there is a newer version than the one it was based on; nothing was written.
            MessageError: the text is too long.
        """
        self._check("Scratchpad.write", [KIND])
        data = self._composer.entry(Draft(to="", body=text, kind=KIND), channel=self._arc)[1]
        lease = self._leases.take(self._name, for_, dead=lambda record: record.agent == self._me)
        last = self._last()
        if (based_on is not None and based_on != self.read().number) or not self._log.append_at(last + 1, data):
            lease.release()
            base = last if based_on is None else based_on
            raise StaleVersionError(f"the scratchpad of {self._arc}", base, self.read().number)
        self._store.replace(f"{tree.scratchpad(self._arc)}.md", text.encode())
        return self._version(last + 1) or Version(last + 1, text)

    def release(self) -> None:
        """Let others write, before the time is over; no event if this agent does not own it."""
        held = self._leases.held(self._name)
        if held is not None and held.agent == self._me:
            self._leases.release(held)

    @property
    def _name(self) -> str:
        """The name of the lease; that of an arc with a very long name is its digest."""
        name = f"pad.{self._arc.rpartition(':')[2]}"
        return name if is_name(name) else f"pad.{hashlib.sha256(self._arc.encode()).hexdigest()[:32]}"

    def _last(self) -> int:
        return self._log.last(lambda number: self._version(number) is not None)

    def _version(self, number: int) -> Version | None:
        entry: Entry = self._reader.entry(self._log, number, self._writers)
        if entry.opened is None or entry.fault or entry.opened.message.kind != KIND:
            return None
        return Version(number, entry.opened.message.body, entry.opened.sender, entry.opened.message.created_at)
