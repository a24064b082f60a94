"""P1, P3, P4, P7, P10 on real drives: five agents on two machines, as processes of their own, through real servers and clients."""

import pytest

from tests.labs.stage import until
from tests.racing import compete, judge

pytestmark = pytest.mark.lab


def on_both(stage):
    """Where each of the five lives."""
    a, b = stage.a, stage.b
    return {"scout": a, "planner": b, "critic": a, "writer": b, "keeper": a}


def lines(actors):
    """What all of them have said."""
    return [line for actor in actors for line in actor.lines]


def test_five_agents_work_together(stage):
    """P1, P3: everybody writes to everybody, all beat at once until all is handled; nothing is lost or handled twice, and the tree stays sound."""
    team = stage.agents(on_both(stage))
    each = max(2, stage.messages // 100)
    sent = [
        sent for name, actor in team.items() for to in sorted({*team} - {name}) for sent in actor.ask("send", to, each)
    ]

    def all_beat():
        for actor in team.values():
            actor.begin("beat")
        reports = [actor.finish() for actor in team.values()]
        assert [report["outcome"] for report in reports] == ["ok"] * 5, reports
        return {line["id"] for line in lines(team.values()) if "id" in line} >= set(sent)

    until(all_beat, "everything is handled")

    stage.account(sent, lines(team.values()))
    assert team["keeper"].ask("faults") == []


def test_a_message_crosses(stage):
    """P1, P7: what one machine sends, the other reads, verified; the answer comes back; the beat does it all by itself."""
    team = stage.agents({"scout": stage.a, "planner": stage.b})
    scout, planner = team["scout"], team["planner"]
    (question,) = scout.ask("send", "planner", 1, "question")

    until(lambda: planner.ask("beat")["handled"], "machine b handles the mail")

    until(lambda: scout.ask("state", "planner", question) == "done", "machine a sees that it is done")
    short = planner.lines[0]["ready"]
    assert until(lambda: scout.ask("bodies"), "machine a sees the answer") == [[f"planner #{short}", "0"]]
    stage.account([question], planner.lines)


@pytest.mark.parametrize("each", [1, 2], ids=["two processes", "four processes"])
def test_machines_race_for_one_inbox(stage, each):
    """P3: the racers are on two machines: each message is handled, none twice, and no generation has two holders."""
    stage.settle_on_both("planner")
    scout = stage.agent("scout", stage.a)
    sent = scout.ask("send", "planner", stage.messages)

    racers = [stage.racer("drain", machine, "planner", len(sent), 600) for machine in [stage.a, stage.b] * each]
    said = compete(racers)

    stage.account(sent, said)
    assert judge(said, sent) == 0


def test_a_killed_holder_is_succeeded_by_the_other_machine(stage):
    """P1, P4: a process killed with -9 on one machine is succeeded on the other, after its lease, at attempt 2."""
    stage.settle_on_both("planner")
    (sent,) = stage.agent("scout", stage.a).ask("send", "planner", 1)
    holder = stage.racer("hold", stage.a, "planner", 2)
    holder.wait_for(lambda lines: any("id" in line for line in lines))

    holder.kill()

    heir = stage.agent("planner", stage.b)
    assert until(lambda: heir.ask("take"), "machine b takes over") == [sent, 2]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_that_goes_away_in_mid_beat(stage, end):
    """P1, P4, P5: the beat that meets it says that it could not look, a send that nothing was sent; the first beat after the server's return finishes the work, and nothing acknowledged is lost."""
    if end not in stage.drive.kind.outages:
        pytest.skip("no server of this drive goes away like this and comes back dependably")
    team = stage.agents({"scout": stage.a, "planner": stage.b})
    scout, planner = team.values()
    sent = scout.ask("send", "planner", stage.messages // 2)
    planner.begin("beat", len(sent) // 10)
    planner.wait_for(lambda said: any("paused" in line for line in said))

    stage.drive.server(end)

    try:
        planner.go()
        scout.begin("send", "planner", 1, "note", "after all")
        assert_away(planner.finish())
        refused = scout.outcome()
        assert refused.get("error") == "StoreUnavailableError", refused
        assert "try again later" in refused["said"]
    finally:
        stage.drive.server("start")
    (late,) = until(
        lambda: scout.attempt("send", "planner", 1, "note", "after all").get("answer"), "machine a sends again"
    )

    def finished():
        report = until(lambda: (said := planner.ask("beat")) and not said["could_not_look"] and said, "a beat can look")
        assert report["outcome"] == "ok", report
        return {line["id"] for line in planner.lines if "id" in line} >= {*sent, late}

    until(finished, "the work is finished")
    stage.account([*sent, late], planner.lines)
    until(lambda: scout.ask("faults") == [], "machine a sees a sound tree")


def test_an_agent_that_is_started_while_the_server_is_away(stage):
    """P1, P5: a process that a scheduler starts meanwhile beats, says that it could not look, and works once the server is back."""
    if "stop" not in stage.drive.kind.outages:
        pytest.skip("each call on such a mount waits for ten seconds, or for ever")
    team = stage.agents({"scout": stage.a, "planner": stage.b})
    sent = team["scout"].ask("send", "planner", 1)
    team["planner"].kill()

    stage.drive.server("stop")

    try:
        planner = stage.agent("planner", stage.b)
        assert_away(planner.ask("beat"))
    finally:
        stage.drive.server("start")
    until(lambda: planner.ask("beat")["handled"], "the mail is handled")
    stage.account(sent, planner.lines)


def assert_away(report):
    """The drive is away, and the report says so in a sentence; unknown is not zero."""
    assert report["could_not_look"], report
    assert report["outcome"] == "failed", report
    assert any("could not look" in fault for fault in report["faults"]), report


def test_peers_are_reviewed(stage):
    """P10: everybody is on time; then one falls silent, all the others accuse it at once from two machines, and one alert is raised, once."""
    team = stage.agents(on_both(stage))
    sleeper = stage.agent("sleeper", stage.b, every="2s")
    sleeper.ask("beat")
    for actor in team.values():
        actor.ask("beat")
    present = until(
        lambda: (seen := team["scout"].ask("peers")) and set(seen) >= {*team, "sleeper"} and seen, "all are seen"
    )
    assert {present[name] for name in team} == {"on time"}
    sleeper.kill()
    for actor in team.values():
        until(lambda actor=actor: actor.ask("peers").get("sleeper") == "silent", "it has fallen silent")

    alerts = []

    def all_have_heard():
        for actor in team.values():
            actor.begin("beat")
        heard = [actor.finish()["alerts"] for actor in team.values()]
        alerts.append(heard)
        return all(any(round_[n] for round_ in alerts) for n in range(len(team)))

    until(all_have_heard, "everybody has heard the alert")
    all_have_heard()
    told = [alert for round_ in alerts for heard in round_ for alert in heard if alert["component"] == "sleeper"]
    assert [alert["severity"] for alert in told] == ["warning"] * len(team), told
    assert len({alert["id"] for alert in told}) == 1, told


def test_creation_has_one_winner_across_machines(stage):
    """The numbers that decide (logs, leases, names): of two machines that create one key, exactly one is told so."""
    rivals = stage.agents({"scout": stage.a, "planner": stage.b})
    for n in range(max(20, stage.messages // 30)):
        key = f"leases/race/{n:09d}.json"
        for rival in rivals.values():
            rival.begin("create", key)
        won = [name for name, rival in rivals.items() if rival.finish()]
        assert len(won) == 1, f"round {n}: winners {won}"
        assert rivals[won[0]].ask("read", key) == won[0]


def test_a_lease_has_one_holder_across_machines(stage):
    """A named lease taken on one machine is refused on the other, and passes on with the next number."""
    team = stage.agents({"scout": stage.a, "planner": stage.b})
    scout, planner = team["scout"], team["planner"]
    first = scout.ask("lease", "deploy")

    refused = planner.attempt("lease", "deploy")
    assert refused.get("error") == "LeaseHeldError", refused
    assert "scout" in refused["said"]

    scout.ask("release", "deploy")
    second = until(lambda: planner.attempt("lease", "deploy").get("answer"), "machine b sees the release")
    assert second > first


def test_an_outbox_is_followed_across_machines(stage):
    """What one machine shares, the other receives once and in order, however late its drive shows it; and the tree stays sound."""
    team = stage.agents({"scout": stage.a, "planner": stage.b})
    team["scout"].ask("share", 25)

    heard = []
    until(lambda: heard.extend(team["planner"].ask("beat")["learned"]) or len(heard) >= 25, "machine b has heard all")

    assert [each["statement"] for each in heard] == [str(n) for n in range(25)]
    assert team["scout"].ask("faults") == []
