"""The ledger outside the bus: what was acknowledged, and what became of it."""

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime

from somabus.model import tree
from somabus.model.slot import Event, Slot, State, done_event
from somabus.model.wire import parse_object

FATES = {Event.ACK: "handled", Event.EXPIRE: "expired", Event.WITHDRAW: "withdrawn"}


@dataclass
class Sent:
    """One message that `send` has acknowledged."""

    id: str
    sender: str
    to: str
    key: str | None
    expires_at: datetime | None
    fate: str = ""


@dataclass
class Ledger:
    """Takes note, and finds fault."""

    sent: dict[str, Sent] = field(default_factory=dict)
    open: dict[str, Sent] = field(default_factory=dict)
    given: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    acked_by_key: dict[tuple[str, str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    asked: dict[str, str] = field(default_factory=dict)
    answered: Counter = field(default_factory=Counter)
    read: dict[str, int] = field(default_factory=dict)
    learned: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    heard: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    faults: list[str] = field(default_factory=list)

    def acknowledged(self, sender, receipt, *, key=None, expires_at=None, question=False):
        """Note what `send` has promised; a second sending with the same key is the first one's message."""
        if receipt.id not in self.sent:
            self.sent[receipt.id] = self.open[receipt.id] = Sent(receipt.id, sender, receipt.to, key, expires_at)
        if question:
            self.asked[receipt.id] = sender

    def hand_over(self, message, delivery):
        """Note that a handler was given a message; twice under one generation is a fault."""
        if delivery.generation in self.given[message.id]:
            self.faults.append(f"{message.id} was given twice under generation {delivery.generation}")
        if self.given[message.id] and delivery.attempt <= 1:
            self.faults.append(f"{message.id} came again and did not say so")
        self.given[message.id].append(delivery.generation)
        if message.kind == "answer":
            self.answered[message.refs["reply_to"]] += 1

    def has_read(self, reader, post, writer):
        """Note a post that was read; one that was passed over, and is not the reader's own, is a fault."""
        last = self.read.get(reader, 0)
        skipped = [number for number in range(last + 1, post.number) if writer(number) != reader]
        self.faults += [f"{reader} was shown post {post.number} and never {number}" for number in skipped]
        self.read[reader] = max(last, post.number)

    def look(self, store, names, spooled):
        """Look where everything open lies now; what has ended is closed, what is nowhere is lost."""
        found = self._found(store, names) | dict.fromkeys(spooled, "spooled")
        for message in list(self.open.values()):
            where = found.get(message.id, "lost")
            if where == "lost" and message.key and self._stands_for_another(store, message):
                continue
            if where in ("handled", "expired", "withdrawn", "dead", "lost"):
                self._close(message, where)

    def _stands_for_another(self, store, message):
        """Go over to the id that counts for a key; what was spooled does not know it before the drive is back."""
        digest = hashlib.sha256(f"{message.to}\n{message.key}".encode()).hexdigest()[:32]
        record = store.read(tree.sent_key(message.sender, digest))
        first = message.id if record is None else parse_object(record)["id"]
        if first == message.id:
            return False
        del self.open[message.id], self.sent[message.id]
        if first not in self.sent:
            self.sent[first] = self.open[first] = replace(message, id=first)
        return True

    def _found(self, store, names):
        """Return where each message lies; of several copies, the one that has come furthest counts."""
        found = {}
        for name in names:
            for state in (State.INBOX, State.LATER, State.CLAIMED, State.DEAD):
                for file in store.list(f"messages/{name}/{state}"):
                    slot = Slot.parse(file)
                    if slot is not None:
                        found.setdefault(slot.id, str(state))
            for day in store.list(f"messages/{name}/done"):
                for file in store.list(f"messages/{name}/done/{day}"):
                    fate = FATES.get(done_event(file))
                    if fate:
                        found[file[:36]] = fate
        return found

    def _close(self, message, fate):
        del self.open[message.id]
        message.fate = fate
        if fate == "lost":
            self.faults.append(f"{message.id} from {message.sender} to {message.to} is nowhere")
        if fate == "handled" and not self.given[message.id]:
            self.faults.append(f"{message.id} is done and no handler was given it")
        if fate == "expired" and message.expires_at is None:
            self.faults.append(f"{message.id} expired and never could")
        if fate == "handled" and message.key is not None:
            self.acked_by_key[message.sender, message.to, message.key].add(message.id)

    @property
    def twice_under_a_key(self):
        """How many keys were handled under two ids."""
        return sum(len(ids) > 1 for ids in self.acked_by_key.values())

    def fates(self):
        """Count how it ended."""
        return Counter(each.fate or "open" for each in self.sent.values())

    def unanswered(self):
        """Return the questions that were handled and whose answer never came."""
        return [each for each in self.asked if self.sent[each].fate == "handled" and not self.answered[each]]

    def unheard(self, names):
        """Count the insights that an agent noted and a peer never heard of."""
        pairs = [(listener, author) for author in self.learned for listener in names if listener != author]
        return sum(len(self.learned[author] - self.heard[listener, author]) for listener, author in pairs)
