"""Plans that the tests of all schedulers begin with, and tools that write down how they were called."""

from datetime import UTC, datetime

from somabus.model.schedule import Schedule
from somabus.scheduler.plan import Plan
from somabus.scheduler.tool import Done

NOW = datetime(2026, 1, 5, 12, 7, tzinfo=UTC)
BUS_ID = "01a1f9de-1d99-72bc-bdf7-9a7b3e80730a"
JOB = "somabus-scout-3e80730a"


def plan(every="6h", **changed):
    """A plan for scout."""
    facts = {
        "agent": "scout", "bus": "/mnt/net", "bus_id": BUS_ID, "home": "/home/me/soma", "schedule": Schedule.parse(every),
        "python": "/venv/bin/python", "log": "/home/me/soma/logs/scout.log",
    }  # fmt: skip
    return Plan(**{**facts, **changed})


HARD = {
    "bus": '/mnt/a b/100% "sure" $HOME',
    "script": "/home/me/it's <mine> & yours\\x.py",
    "home": "/home/mé/`id`",
}
"""Paths with everything that some scheduler takes for its own."""


class Calls:
    """A tool that writes down how it was called, and answers as it was told."""

    def __init__(self, **answers):
        self.orders = []
        self.answers = answers

    def __call__(self, order, given=b""):
        self.orders.append(list(order))
        return next((done for word, done in self.answers.items() if word in order), Done(0))
