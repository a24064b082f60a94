"""The crash harness for jobs: the same stage; a process that submits and works dies, and what comes after it recovers."""

from collections import Counter, defaultdict
from contextlib import suppress
from datetime import timedelta

from somabus.errors import JobStateError
from somabus.model import tree
from somabus.model.job import JobAddress
from somabus.model.ticket import ENDED, JobState
from tests.crashes.harness import Stage, WritingStore, walk, whole
from tests.jobs.yard import places

HOURS = (2, 2, 2, 2, 30, 2, 2)  # in between, what nobody was promised is dropped
STEPS = ("first", "again", "last")
IDEMPOTENT = "again"


class JobStage(Stage):
    """`scout` submits, `planner` works; what took effect is counted outside of the bus."""

    def __init__(self, ground, fuse):
        super().__init__(ground, fuse)
        self.accepted = set()  # addresses whose submit returned
        self.keyed = defaultdict(set)  # by key, the ids that ran
        self.must_run = set()  # keys under which a job was accepted
        self.to_cancel = []  # addresses that somebody cancels until it has been done
        self.cancelled = set()  # addresses that end by that
        self.effects = Counter()  # by (job, step)
        self.returned = Counter()  # by (job, generation): handlers that came to their end

    def worker(self, *, mortal=True):
        """Return a worker of the planner, with all handlers, in the process that dies or the one after it."""
        agent = self.agent("planner", mortal=mortal)
        for name in ("steps", "flaky", "doomed", "family", "gives up"):
            agent.handler(name.replace(" ", "-"))(getattr(self, f"_{name.replace(' ', '_')}"))
        return agent.worker(lease_for=timedelta(minutes=1))

    def submit(self, name, *, mortal=True, **fields):
        """Submit, and note what was promised."""
        receipt = self.agent("scout", mortal=mortal).submit(name, backoff=timedelta(seconds=1), **fields)
        self.accepted.add(receipt.address)
        self.must_run |= {fields["key"]} if "key" in fields else set()
        return receipt

    # -- what handlers do -------------------------------------------------------------------------------------

    def _begins(self, ctx):
        if ctx.job.key:
            self.keyed[ctx.job.key].add(ctx.job.id)

    def _effect(self, ctx, name):
        """Take effect; the process may die right before and right after it."""
        self.fuse.step()
        self.effects[ctx.job.id, name] += 1
        self.fuse.step()
        return name

    def _steps(self, ctx):
        self._begins(ctx)
        made = [ctx.step(name, self._effect, ctx, name, idempotent=name == IDEMPOTENT) for name in STEPS]
        ctx.log("all steps are taken")
        self.returned[ctx.job.id, ctx.generation] += 1
        return made

    def _flaky(self, ctx):
        ctx.step("first", self._effect, ctx, "first")
        if ctx.attempt < 3:
            raise RuntimeError("not yet")
        self.returned[ctx.job.id, ctx.generation] += 1

    def _doomed(self, ctx):
        raise RuntimeError("never")

    def _gives_up(self, ctx):
        ctx.give_up("it cannot be")

    def _family(self, ctx):
        children = [ctx.submit("steps", {"n": n}) for n in range(2)]
        outcomes = ctx.gather()
        assert [each.id for each in outcomes] == [each.id for each in children]
        ctx.step("last", self._effect, ctx, "last")
        self.returned[ctx.job.id, ctx.generation] += 1
        return [each.result for each in outcomes]


class WritingJobStage(JobStage):
    """The same, but no process dies between two looks: what it leaves behind is what it leaves before its next write."""

    stopping = WritingStore


def recover_jobs(stage):
    """What happens after a crash: leases end, workers of new processes drain, and a human answers what waits for one."""
    stage.fuse.at = 0
    for each in stage.to_cancel:
        with suppress(JobStateError):
            stage.agent("scout", mortal=False).jobs.cancel(each)
    for hours in HOURS:
        stage.clock.advance(hours=hours)
        stage.worker(mortal=False).drain()
        _answer(stage)
        if not _open(stage.world.store):
            return


def _open(store):
    """Tell whether anything is there that has not ended."""
    folders = [tree.submitting("default"), *(tree.shelf("default", state) for state in JobState if state not in ENDED)]
    return any(store.list(folder) for folder in folders)


def _answer(stage):
    """Say of each step in doubt whether it took effect, as a human finds out; and let go on what was set aside."""
    agent = stage.agent("scout", mortal=False)
    for view in agent.jobs.all(state=JobState.PAUSED):
        file = agent.jobs.file(view.address)
        assert file.tries, f"{view.address} is set aside, and nothing says why"
        assert file.tries[-1].error
        for number, page in file.steps.items():
            if page.in_doubt:
                taken = stage.effects[view.address.id, page.pending.name] > 0
                agent.jobs.decide(view.address, number, again=not taken, result=page.pending.name)
        agent.jobs.resume(view.address)


def check_jobs(stage, where):
    """Judge by what lies on the bus, and by what took effect."""
    store = stage.world.store
    found = places(store)
    twice = {job: lying for job, lying in found.items() if len(lying) != 1}
    assert not twice, f"{where}: in more than one place: {twice}"
    states = {job: lying[0].state for job, lying in found.items()}

    lost = {each for each in stage.accepted if JobAddress.parse(each).id not in states}
    assert not lost, f"{where}: submitted and nowhere: {lost}"
    held = {job: state for job, state in states.items() if state not in ENDED}
    assert not held, f"{where}: not let go: {held}"
    assert not store.list(tree.submitting("default")), f"{where}: a submit was never brought to its end"

    escaped = {each for each in stage.cancelled if states[JobAddress.parse(each).id] is not JobState.CANCELLED}
    assert not escaped, f"{where}: cancelled, and did something else: {escaped}"

    too_often = {key: n for key, n in stage.effects.items() if n > 1 and key[1] != IDEMPOTENT}
    assert not too_often, f"{where}: took effect twice: {too_often}"
    for job, state in states.items():
        if state is JobState.COMPLETED:
            _check_completed(stage, job, where)
    assert stage.must_run <= stage.keyed.keys(), f"{where}: none of a key ran: {stage.must_run - stage.keyed.keys()}"
    for key, jobs in stage.keyed.items():
        assert len(jobs) == 1, f"{where}: the key {key} ran as {jobs}"

    silent = [job for job, state in states.items() if state is not JobState.COMPLETED and not _why(stage, job)]
    assert not silent, f"{where}: ended without a reason: {silent}"
    torn = [key for key in walk(store, "") if not whole(key, store.read(key))]
    assert not torn, f"{where}: not whole: {torn}"


def _check_completed(stage, job, where):
    agent = stage.agent("scout", mortal=False)
    ends = [each for each in agent.jobs.file(f"default/{job}").tries if each.event == "complete"]
    assert ends, f"{where}: completed, and no attempt says so"
    view = agent.jobs.find(f"default/{job}")
    expected = {"steps": STEPS, "flaky": ("first",), "family": ("last",)}.get(view.opened.job.name, ())
    missing = [step for step in expected if not stage.effects[job, step]]
    assert not missing, f"{where}: completed without {missing}"


def _why(stage, job):
    outcome = stage.agent("scout", mortal=False).jobs.outcome(f"default/{job}")
    return outcome is not None and outcome.error
