"""The stop: before anything acts, it looks whether a human has stopped it.

A stop is seen by listing the root of the tree: its name alone stops, whoever wrote it. A stop that an operator signed
is remembered at home as soon as it is seen, and holds until a resume that an operator signed is there: taking the
file away lifts nothing.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from somabus.authority import Authority
from somabus.errors import (
    DocumentTooLargeError,
    KeyExistsError,
    MessageError,
    StoppedError,
    StoreDamagedError,
    StoreRefusedError,
    StoreUnavailableError,
    TrustError,
)
from somabus.incidents import Tell
from somabus.model import tree
from somabus.model.entry import ENTRY_POINTS, WhenStopped
from somabus.model.envelope import Seal, split
from somabus.model.message import Value
from somabus.model.stop import Range, Resume, Scope, Stop, scope_of
from somabus.model.wire import parse_object
from somabus.store.port import Store

_SEEN: Final = "stops"
V = TypeVar("V", bound=Value)


@dataclass(frozen=True, slots=True)
class Stopped:
    """One stop that holds; `signed` if an operator of this bus signed it, `removed` if its file was taken away."""

    scope: Scope
    why: str
    by: str
    signed: bool
    stop: Stop | None = None
    removed: bool = False
    file: str = ""

    def __str__(self) -> str:
        said = f"{self.by} stopped {self.scope}" + (f": {self.why}" if self.why else "")
        return said + (" (its file was taken away without an operator's resume)" if self.removed else "")


class Halt:
    """Looks on behalf of one agent.

    Args:
        store: the bus.
        home: this agent's own memory of signed stops.
        me: the agent.
        authority: knows the operators.
        tell: told when a signed stop was taken away.
    """

    def __init__(self, store: Store, home: Store, me: str, authority: Authority, tell: Tell) -> None:
        self._store = store
        self._home = home
        self._me = me
        self._authority = authority
        self._tell = tell
        self._signed = {stop.id: stop for stop in self._remembered()}

    def stops(self) -> tuple[Stopped, ...]:
        """Return every stop that holds, for whomever.

        Raises:
            StoreUnavailableError: could not look.
        """
        there = [replace(self._look(name, scope), file=name) for name, scope in self._listed()]
        return (*there, *self._taken_away({each.stop.id for each in there if each.stop}))

    def _all(self) -> tuple[Stopped, ...]:
        """Return every stop that holds; while the drive is away, the signed ones that are remembered."""
        try:
            return self.stops()
        except StoreUnavailableError:
            known = tuple(Stopped(stop.scope, stop.why, stop.by, signed=True) for stop in self._signed.values())
            if self._covering(known, ()) is None:
                raise
            return known

    def _covering(self, stops: Iterable[Stopped], kinds: Iterable[str]) -> Stopped | None:
        asked = (None, *kinds)
        return next((each for each in stops if any(each.scope.covers(self._me, kind) for kind in asked)), None)

    def check(self, entry: str, kinds: Iterable[str] = ()) -> frozenset[str]:
        """Let an entry point pass, unless this agent, or one of the kinds of work it is about, is stopped.

        Returns the kinds of work that are stopped.

        Raises:
            StoppedError: a human stopped it.
            StoreUnavailableError: could not look.
        """
        assert ENTRY_POINTS[entry] in (WhenStopped.REFUSED, WhenStopped.IDLE)  # noqa: S101 - a row that lies
        stops = self._all()
        held = self._covering(stops, kinds)
        if held is not None:
            raise StoppedError(entry, str(held.scope), held.why, held.by)
        names = {each.scope.name for each in stops if each.scope.range is Range.KIND}
        return frozenset(names | {name.removesuffix(".txt") for name in names})

    def hold(self) -> Stopped | None:
        """Return a stop that covers this agent, or None."""
        return self._covering(self._all(), ())

    # -- what lies at the root --------------------------------------------------------------------------------

    def _listed(self) -> list[tuple[str, Scope]]:
        return [(name, scope) for name in self._store.list("") if (scope := scope_of(name)) is not None]

    def _look(self, name: str, scope: Scope) -> Stopped:
        """Read what a stop says; whatever cannot be read stops all the same."""
        try:
            raw = self._store.read(name, listed=True) or b""
            stop = Stop.from_object(parse_object(split(raw).body))
        except (MessageError, StoreDamagedError, StoreRefusedError, DocumentTooLargeError):
            return Stopped(scope, "", "somebody", signed=False)
        try:
            self._opened(raw, Seal.STOP, Stop)
        except (MessageError, TrustError):
            return Stopped(scope, stop.why, stop.by or "somebody", signed=False)
        if stop.scope != scope:  # renamed: it stops what its name says, and what it was made for counts as taken away
            return Stopped(scope, stop.why, stop.by or "somebody", signed=False)
        if stop.id not in self._signed and not self._resumed(stop):
            with suppress(KeyExistsError):
                self._home.create(f"{_SEEN}/{stop.id}.json", raw)
            self._signed[stop.id] = stop
        return Stopped(scope, stop.why, stop.by, signed=True, stop=stop)

    def _taken_away(self, there: set[str]) -> Iterable[Stopped]:
        """Yield the signed stops whose file has gone and that nobody lifted; forget those that were lifted."""
        known = {f"{each}.json" for each in self._signed}
        # Another process of this agent may have seen one. Most agents never did, and have no such folder.
        if _SEEN in self._home.list("") and any(name not in known for name in self._home.list(_SEEN)):
            self._signed = {stop.id: stop for stop in self._remembered()}
        for stop in [each for each in self._signed.values() if each.id not in there]:
            if self._resumed(stop):
                self._home.delete(f"{_SEEN}/{stop.id}.json")
                del self._signed[stop.id]
                continue
            fault = f"the stop of {stop.scope} by {stop.by} was taken away without an operator's resume; it holds"
            self._tell(stop.scope.file, f"taken away {stop.id}", fault, None)
            yield Stopped(stop.scope, stop.why, stop.by, signed=True, stop=stop, removed=True)

    def _resumed(self, stop: Stop) -> bool:
        """Tell whether an operator has lifted a stop. By listing: the name may have been looked for before it came."""
        name = f"{stop.id}.json"
        if name not in self._store.list("operator/resumed"):
            return False
        raw = None
        try:
            raw = self._store.read(tree.resumed(stop.id), listed=True) or b""
            lifted = self._opened(raw, Seal.RESUME, Resume).stop
            if lifted == stop.id:
                return True
            why = f"it lifts {lifted}"
        except (MessageError, TrustError, StoreDamagedError, StoreRefusedError, DocumentTooLargeError) as error:
            why = str(error)
        fault = f"the resume of the stop of {stop.scope} does not count: {why}"
        self._tell(stop.scope.file, f"false resume {stop.id}", fault, raw)
        return False

    def _opened(self, raw: bytes, seal: Seal, kind: type[V]) -> V:
        """Open what an operator signed; before it is denied, look who the operators are now."""
        try:
            return self._authority.opened(raw, seal, kind)
        except TrustError:
            self._authority.refresh()
            return self._authority.opened(raw, seal, kind)

    def _remembered(self) -> Iterable[Stop]:
        for name in self._home.list(_SEEN):
            raw = self._home.read(f"{_SEEN}/{name}")
            with suppress(MessageError):
                if raw is not None:
                    yield Stop.from_object(parse_object(split(raw).body))
