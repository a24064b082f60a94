"""The tree of a bus (format 1): the one place that says which key means what."""

from datetime import date, datetime, timedelta
from typing import Final

from somabus.model.ids import id_time, later
from somabus.model.names import channel_folder
from somabus.model.slot import Event, State, done_name
from somabus.model.ticket import JobState

REGISTRY: Final = "registry"
ALERTS: Final = "channels/alerts"
CHANNELS: Final = "channels"
AUDIT: Final = "audit"
REVOCATIONS: Final = "operator/revocations.json"
VALUES: Final = "values.md"
GOALS: Final = "goals"
PROPOSALS: Final = "goals/proposed"
APPROVALS: Final = "approvals"
LEASES: Final = "leases"
QUEUES: Final = "queues"
_GRACE: Final = timedelta(days=2)


def card(agent: str) -> str:
    """Who."""
    return f"registry/{agent}/card.json"


def heartbeat(agent: str) -> str:
    """Alive."""
    return f"registry/{agent}/heartbeat.json"


def cursors(agent: str) -> str:
    """How far it has read each log."""
    return f"registry/{agent}/cursors.json"


def box(agent: str, state: State) -> str:
    """The folder of an agent's messages in a state."""
    return f"messages/{agent}/{state}"


def outbox(agent: str) -> str:
    """The agent's own log."""
    return f"messages/{agent}/outbox"


def sent_keys(agent: str) -> str:
    """The records of what an agent sent or posted with a key."""
    return f"messages/{agent}/keys"


def sent_key(agent: str, digest: str) -> str:
    """The record of a message sent with `key=`, for recognising the second sending."""
    return f"{sent_keys(agent)}/{digest}.json"


def posted_key(agent: str, digest: str) -> str:
    """The record of a post made with `key=`."""
    return f"{sent_keys(agent)}/{digest}.post.json"


def channel(name: str) -> str:
    """The log of a channel.

    Raises:
        InvalidNameError: a part of the channel's name breaks the rule for names.
    """
    return f"{CHANNELS}/{channel_folder(name)}"


def scratchpad(arc: str) -> str:
    """The log of the versions of an arc's scratchpad; the last one lies beside it as Markdown, for people."""
    return f"{channel(arc)}/scratchpad"


def lease(name: str, generation: int | None = None) -> str:
    """A lease's folder, or one generation's record."""
    return f"{LEASES}/{name}" if generation is None else f"{LEASES}/{name}/{generation:09d}.json"


def done(agent: str, day: date | str, message_id: str, event: Event) -> str:
    """The name of a message that is done: it follows from day, id and how it ended."""
    return f"messages/{agent}/done/{day}/{done_name(message_id, event)}"


def earliest_end(message_id: str, now: datetime) -> str:
    """Return the earliest day whose folder may hold the end of a message: well before its id's own day none does.

    Two days of grace, for the clocks of machines and for one that is put back.
    """
    made_at = min(id_time(message_id), now)  # a sender's clock may be far ahead
    return later(made_at, -_GRACE).date().isoformat()


def certificate(agent: str) -> str:
    """The operators' word on an agent's key."""
    return f"registry/{agent}/certificate.json"


def rotation(agent: str) -> str:
    """An agent's wish for a new key."""
    return f"registry/{agent}/rotation.json"


def history(document: str) -> str:
    """The log of every version of a document that operators sign; the next number has one winner."""
    return f"operator/history/{document}"


def resumed(stop: str) -> str:
    """The lifting of a stop."""
    return f"operator/resumed/{stop}.json"


def goal(goal_id: str) -> str:
    """A goal."""
    return f"goals/{goal_id}.json"


def proposal(goal_id: str) -> str:
    """A goal that an agent would like."""
    return f"goals/proposed/{goal_id}.json"


def work(goal_id: str, agent: str | None = None) -> str:
    """Who works on a goal, or one agent's word on what it does there."""
    return f"goals/{goal_id}" if agent is None else f"goals/{goal_id}/{agent}.json"


def approval(approval_id: str, part: str | None = None) -> str:
    """An approval's folder, or one of its parts: request, answer, use."""
    return f"approvals/{approval_id}" if part is None else f"approvals/{approval_id}/{part}.json"


def evidence(digest: str) -> str:
    """Bytes that were refused, under their digest."""
    return f"audit/evidence/{digest}"


def shelf(queue: str, state: JobState) -> str:
    """The folder of a queue's jobs in a state."""
    return f"{QUEUES}/{queue}/{state}"


def submitting(queue: str, name: str | None = None) -> str:
    """Jobs whose record comes first: of their key, or with their parent."""
    return f"{QUEUES}/{queue}/submitting" if name is None else f"{QUEUES}/{queue}/submitting/{name}"


def dropping(queue: str) -> str:
    """Jobs that ended long ago, while what lies beside them is dropped."""
    return f"{QUEUES}/{queue}/dropping"


def job_key(queue: str, digest: str, number: int | None = None) -> str:
    """Which jobs were submitted under a key, or one of them; the highest number counts."""
    folder = f"{QUEUES}/{queue}/keys/{digest}"
    return folder if number is None else f"{folder}/{number:09d}.json"


def run(queue: str, job: str, part: str | None = None) -> str:
    """What lies beside a job, or one part of it: a try, steps, then, children, met, spent, said, log, files."""
    folder = f"{QUEUES}/{queue}/runs/{job}"
    return folder if part is None else f"{folder}/{part}"


def worker(queue: str, name: str | None = None) -> str:
    """Who works on a queue: the folder, or one worker's record."""
    return f"{QUEUES}/{queue}/workers" if name is None else f"{QUEUES}/{queue}/workers/{name}.json"


def rate(queue: str, key: str) -> str:
    """The windows of a rate: `<end, ms>-<width, ms>/`, with one record for each job that began within."""
    return f"{QUEUES}/{queue}/rates/{key}"
