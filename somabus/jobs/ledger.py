"""The ledger of a job's steps: which were begun, which are done with what result, and which may be taken once more.

    steps/0001.pending.1.json     turn 1 of step 1 is about to take effect; created exclusively: a turn has one winner
    steps/0001.again.1.json       in that turn it did not: the next turn may be taken
    steps/0001.done.json          it has, and this is its result; the first word counts

Each is sealed by whoever says it, and counts only if that one may be acted on.
"""

from collections.abc import Callable

from somabus.errors import KeyExistsError, StoreUnavailableError, TrustError
from somabus.model import tree
from somabus.model.envelope import Envelope, Seal, seal_body, split
from somabus.model.job import JobAddress
from somabus.model.wire import parse_object
from somabus.model.work import Page, Step, StepMark, step_name, step_of
from somabus.store.port import Store


class Ledger:
    """The ledgers of all jobs, on behalf of one agent.

    Args:
        store: the bus.
        bus: its id.
        me: the agent.
        counts: tells whether somebody sealed a document, and may be acted on.
        sign: signs with the agent's key.
    """

    def __init__(
        self,
        store: Store,
        bus: str,
        me: str,
        *,
        counts: Callable[[str, Envelope, Seal], bool],
        sign: Callable[[bytes], bytes],
    ) -> None:
        self._store = store
        self._bus = bus
        self._me = me
        self._counts = counts
        self._sign = sign

    def pages(self, address: JobAddress, again_by: str | None = None) -> dict[int, Page]:
        """Return the ledger, by number.

        Args:
            address: of which job.
            again_by: the one agent whose word that a step may be taken again counts; any that may act, if not given.

        Raises:
            StoreUnavailableError: a page of it cannot be read yet. MessageError, TrustError: one is nobody's word.
        """
        ledger: dict[int, Page] = {}
        for name in self._store.list(tree.run(*address, "steps")):
            found = step_of(name)
            if found is None:
                continue
            number, mark, turn = found
            page, step = ledger.get(number, Page()), self._read(address, name)
            if mark is StepMark.AGAIN:
                counts = again_by is None or step.by == again_by
                ledger[number] = page._replace(again=page.again | {turn or 0}) if counts else page
            elif mark is StepMark.DONE:
                ledger[number] = page._replace(done=step)
            elif page.pending is None or page.pending.turn < step.turn:
                ledger[number] = page._replace(pending=step)
        return ledger

    def word(self, address: JobAddress, number: int, name: str, *, turn: int, generation: int) -> Step:
        """Return a word about a step, to be written down."""
        return Step(
            bus=self._bus, queue=address.queue, id=address.id, number=number, name=name, turn=turn,
            generation=generation, at=self._store.now(), by=self._me,
        )  # fmt: skip

    def begin(self, step: Step) -> bool:
        """Write down that a step is about to take effect; False if another attempt is at this turn, or was."""
        return self._write(step, step_name(step.number, StepMark.PENDING, step.turn))

    def end(self, step: Step) -> Step:
        """Write down the result of a step, and return what counts: the first that was written."""
        name = step_name(step.number, StepMark.DONE)
        return step if self._write(step, name) else self._read(JobAddress(step.queue, step.id), name)

    def allow(self, step: Step) -> None:
        """Write down that a step did not take effect in its turn, and may be taken once more."""
        self._write(step, step_name(step.number, StepMark.AGAIN, step.turn))

    def _write(self, step: Step, name: str) -> bool:
        place = f"{tree.run(step.queue, step.id, 'steps')}/{name}"
        try:
            self._store.create(place, seal_body(step.to_json(), Seal.STEP, self._sign))
        except KeyExistsError:
            return False
        return True

    def _read(self, address: JobAddress, name: str) -> Step:
        """Return a word about a step.

        Raises:
            StoreUnavailableError: it cannot be read yet.
            TrustError: whoever it names did not sign it, may not be acted on, or said it of another step.
        """
        place = f"{tree.run(*address, 'steps')}/{name}"
        raw = self._store.read(place, listed=True)
        if raw is None:
            raise StoreUnavailableError(place, "it exists and cannot be read yet")
        envelope = split(raw)
        step = Step.from_object(parse_object(envelope.body))
        named = step_of(name)
        here = (self._bus, *address, step.number, step.turn)
        there = (step.bus, step.queue, step.id, *((named[0], named[2] or step.turn) if named else ()))
        if here != there:
            raise TrustError(f"{place} was written for step {step.number} of {step.queue}/{step.id}")
        if not self._counts(step.by, envelope, Seal.STEP):
            raise TrustError(f"{place} was not signed by {step.by}, or nobody may act on what {step.by} says")
        return step
