"""Where jobs are tried: agents on a bus in memory, handlers whose effects are counted, and a look at every file."""

from collections import Counter, defaultdict
from datetime import timedelta
from typing import NamedTuple

from somabus.model import tree
from somabus.model.job import JobAddress
from somabus.model.ticket import ENDED, End, JobState, Ticket
from somabus.testing import World

LEASE = timedelta(minutes=1)


class Place(NamedTuple):
    """One file of a job: the folder it lies in, and the generation in its name."""

    state: JobState
    generation: int


def places(store, queue="default"):
    """Return where every job of a queue lies; a name that no writer gives fails at once."""
    found = defaultdict(list)
    for state in JobState:
        if state in ENDED:
            for day in store.list(tree.shelf(queue, state)):
                for name in store.list(f"{tree.shelf(queue, state)}/{day}"):
                    end = End.parse(name)
                    assert end is not None, name
                    assert end.name == f"{day}/{name}", f"{name} lies under {day}"
                    found[end.id].append(Place(state, end.generation))
        else:
            for name in store.list(tree.shelf(queue, state)):
                ticket = Ticket.parse(name)
                assert ticket is not None, name
                assert ticket.fits(state), f"{name} lies in {state}"
                found[ticket.id].append(Place(state, ticket.generation))
    return found


class Yard:
    """A bus whose agents have each a handler `do` for everything that a test wants done.

    A job says in its data what is to be done with it; `effects` counts what took effect, by job and step, and `began`
    has the jobs in the order in which they began.
    """

    def __init__(self, world=None):
        self.world = world or World()
        self.clock, self.store = self.world.clock, self.world.store
        self.effects = Counter()
        self.began = []
        self.scout = self.agent("scout")

    def agent(self, name, **fields):
        """Return an agent with the handler, in a process of its own."""
        agent = self.world.agent(name, every="1h", **fields)
        agent.handler("note")(lambda ctx: self.began.append(ctx.data.get("n")) or ctx.data)
        return agent

    def worker(self, name="planner", queue="default", handlers=None, lease_for=LEASE, **fields):
        """Return a worker in a process of its own, with more handlers."""
        agent = self.agent(name)
        for each, function in (handlers or {}).items():
            agent.handler(each)(function)
        return agent.worker(queue, lease_for=lease_for, **fields)

    def state(self, job):
        """Return in which state a job is; it lies in one folder and no other."""
        address = JobAddress.parse(job if isinstance(job, str) else job.address)
        (place,) = places(self.store, address.queue)[address.id]
        return place.state

    def why(self, job):
        """Return why a job ended, or what its last attempt said."""
        outcome = self.scout.jobs.outcome(job)
        return outcome.error if outcome is not None else self.scout.jobs.file(job).tries[-1].error

    def effect(self, ctx, step):
        """Take effect, outside of all that is recorded."""
        self.effects[ctx.job.id, step] += 1
        return step
