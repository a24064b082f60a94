"""A whole bus on a real folder, and the means to put into it what no writer of somabus would.

`scout` writes to `planner`; `mallory` has joined as well and means no good. What is planted lies there as a hostile
or broken program would leave it: written by the test itself, past the store.
"""

import gc
import os
from contextlib import contextmanager
from datetime import timedelta

from somabus.errors import SomabusError
from somabus.model.bus import BusPolicy
from somabus.model.envelope import Seal, seal_body
from somabus.model.ids import IdMaker
from somabus.model.slot import WHY
from somabus.model.wire import dump
from somabus.store.directory import DirectoryStore
from somabus.testing import HandClock, World


class Scene:
    """One bus with three agents and a clock turned by hand."""

    def __init__(self, tmp_path, *, trust="pinned", files=None):
        self.path = tmp_path
        self.root = tmp_path / "bus"
        self.clock = HandClock()
        # Short patience: what is tried again for two seconds on a drive would only make these tests slow.
        self.store = DirectoryStore(
            str(self.root), writer="t", durability="none", now=self.clock.now, files=files, patience_s=0.02
        )
        self.world = World(self.store, self.clock, BusPolicy(trust=trust))
        self.scout, self.planner, self.mallory = (self.world.agent(n) for n in ("scout", "planner", "mallory"))
        self._ids = IdMaker(os.urandom)

    # -- making -----------------------------------------------------------------------------------------------

    def new_id(self):
        """Return an id greater than all before."""
        return self._ids.make(self.clock.now())

    def members(self, message_id, **changed):
        """Return what a sound note from scout to planner says, some of it changed; None takes a member away."""
        sound = {
            "format": 1,
            "bus": self.world.bus.bus,
            "id": message_id,
            "kind": "note",
            "sender": "scout",
            "to": ["planner"],
            "created_at": "2026-01-05T12:00:00Z",
            "body": "hello",
            "thread": message_id,
            "origin": message_id,
        }
        return {name: value for name, value in {**sound, **changed}.items() if value is not None}

    def unsigned(self, message_id, **changed):
        """Return the bytes of that note without a signature."""
        return dump(self.members(message_id, **changed))

    def signed(self, message_id, *, by="scout", seal=Seal.MESSAGE, **changed):
        """Return the bytes of that note, signed."""
        return self.seal(self.unsigned(message_id, **changed), by=by, seal=seal)

    def seal(self, body, *, by="scout", seal=Seal.MESSAGE):
        """Sign any bytes that end in a brace."""
        return seal_body(body, seal, self.world.signers[by].sign)

    # -- planting ---------------------------------------------------------------------------------------------

    def folder(self, *parts):
        """Return a folder of the bus; it is made if it is missing."""
        path = self.root.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def box(self, state="inbox", agent="planner"):
        """Return the folder of an agent's mail."""
        return self.folder("messages", agent, state)

    def plant(self, name, raw, state="inbox", agent="planner"):
        """Put bytes under a name into an agent's mail."""
        path = self.box(state, agent) / name
        path.write_bytes(raw)
        return path

    def good(self, agent="planner"):
        """Put a sound message of scout into an agent's inbox and return its id."""
        message_id = self.new_id()
        self.plant(f"5-{message_id}.0.json", self.signed(message_id, to=[agent]), agent=agent)
        return message_id

    # -- looking ----------------------------------------------------------------------------------------------

    def drain(self, agent=None):
        """Handle all that waits, and return the ids in the order of handling."""
        handled = []
        for delivery in (agent or self.planner).inbox.drain():
            with delivery as message:
                handled.append(message.id)
        return handled

    def names(self, state, agent="planner"):
        """Return the names in a folder of an agent's mail, records and hidden files left out."""
        return sorted(name for name in os.listdir(self.box(state, agent)) if not name.endswith(WHY))

    def done_names(self, agent="planner"):
        """Return the names of what is done, of all days."""
        return sorted(path.name for path in self.box("done", agent).glob("*/*"))

    def alerts(self):
        """Return the alerts that a stranger to the matter reads in the log for all."""
        return [alert for alert in self.world.agent("observer").beat().alerts if "forged" in str(alert.get("episode"))]

    def receipts(self, agent=None):
        """Return what an agent was told of its dead letters: the id and the reason of each."""
        letters = (agent or self.scout).inbox.peek()
        return [
            (letter.opened.message.data["message"], letter.opened.message.data["reason"])
            for letter in letters
            if letter.opened is not None and letter.opened.message.kind == "receipt"
        ]

    def later(self, **span):
        """Turn the clock on."""
        self.clock.advance(**span)
        return self

    def outside(self):
        """Return what lies beside the bus, with its bytes: nothing of it is the bus's business."""
        return snapshot(self.path, leave_out=self.root)


HOUR = timedelta(hours=1)


@contextmanager
def within_the_tree(kind=SomabusError, where=""):
    """Let the block succeed or raise an error of the tree; anything else that it raises is a bug."""
    try:
        yield
    except kind:
        return
    except Exception as error:
        message = f"{where}: {error!r} is no {kind.__name__}"
        raise AssertionError(message) from error


def snapshot(folder, *, leave_out=None):
    """Return every file below a folder with its bytes, every link with its target, every folder."""
    gc.collect()  # what earlier stores leave under tmp/ is removed now, and not between two snapshots
    found = {}
    for here, folders, files in os.walk(folder):
        if leave_out is not None:
            folders[:] = [each for each in folders if os.path.join(here, each) != str(leave_out)]
        for name in folders + files:
            path = os.path.join(here, name)
            if os.path.islink(path):
                found[path] = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    found[path] = file.read()
            else:
                found[path] = None
    return found
