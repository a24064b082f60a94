"""What is measured, one work a module."""

from tests.bench.row import Work
from tests.bench.works import (
    backlog,
    batch,
    beat,
    broadcast,
    crowd,
    jobs,
    mail,
    memory,
    nats,
    registry,
    start,
    unread,
    wake,
)

ALL: tuple[Work, ...] = (
    mail.LIGHT, mail.DURABLE, batch.WORK, backlog.WORK, crowd.TWO, crowd.FOUR, broadcast.WORK, unread.WORK, wake.WORK,
    beat.WORK, start.WORK, memory.WORK, registry.WORK, jobs.WORK, jobs.WAITING, jobs.GRAPH, nats.DAILY, nats.CROWD,
)  # fmt: skip
