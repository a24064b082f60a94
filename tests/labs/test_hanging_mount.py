"""P5 on real drives whose server hangs: it is there, takes calls, and answers none."""

import time

import pytest

from tests.labs.stage import until

pytestmark = pytest.mark.lab
WITHIN_S = 240
"""A call is given up after half a minute; a beat makes a few."""


def test_a_mount_that_hangs_hangs_nobody(stage):
    """P5: while the server hangs, a send says that the drive does not answer and a beat that it could not look, both in bounded time; when it answers again the work goes on."""
    if "stop" not in stage.drive.kind.outages:
        pytest.skip("no server to hang, or a client that waits for minutes by itself")
    team = stage.agents({"scout": stage.a, "planner": stage.b})
    scout, planner = team.values()
    (sent,) = scout.ask("send", "planner", 1)

    with stage.drive.hanging():
        began = time.monotonic()
        planner.begin("beat")
        scout.begin("send", "planner", 1, "note", "after all")
        refused = scout.outcome(WITHIN_S)
        report = planner.answer(planner.outcome(WITHIN_S))
        seconds = time.monotonic() - began

    assert refused.get("error") == "StoreUnavailableError", refused
    assert report["could_not_look"], report
    assert seconds < WITHIN_S
    (late,) = until(
        lambda: scout.attempt("send", "planner", 1, "note", "after all").get("answer"), "machine a sends again"
    )

    def finished():
        planner.ask("beat")
        return {line["id"] for line in planner.lines if "id" in line} >= {sent, late}

    until(finished, "the work is finished")
    stage.account([sent, late], planner.lines)
