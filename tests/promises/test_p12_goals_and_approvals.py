"""P12. Goals, values and approvals carry an operator's signature, or do not count."""

import threading
from datetime import timedelta

import pytest

from somabus.audit import Audit
from somabus.errors import (
    ConfigurationError,
    MalformedMessageError,
    NotApprovedError,
    ReferenceNotFoundError,
    StoppedError,
    TrustError,
)
from somabus.model import tree
from somabus.model.approval import Use
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.goal import Goal
from somabus.model.message import Priority
from somabus.model.stop import Range, Scope
from somabus.model.trust import Trust
from somabus.model.wire import parse_object
from somabus.operator import agents, direction, oversight, people
from somabus.testing import Crash
from tests.promises.test_p07_certificates import key_text, owned, seat

DAY = timedelta(days=1)


def scene():
    """A world with an operator and two agents."""
    world, anna = owned()
    return world, anna, world.agent("scout"), world.agent("planner")


def refused(world, subject):
    """What the audit tells of refused attempts on a subject."""
    entries = [each.entry for each in Audit(world.store, world.bus.bus, "reader", None, world.clock.now, None).check()]
    return [each.detail for each in entries if each and (each.act, each.subject) == ("refused", subject)]


# -- goals ---------------------------------------------------------------------------------------------------------


def test_a_goal_is_made_changed_and_ended_by_an_operator():
    """Agents read a goal as the operators left it: version by version, and as ended when it is ended; an ended goal is changed no more."""
    _, anna, scout, _ = scene()
    goal = direction.new_goal(anna, "Index the archive", "all of it")
    (read,) = scout.goals()
    assert (read.id, read.title, read.body, read.version, read.operator) == (
        goal.id,
        goal.title,
        "all of it",
        1,
        "anna",
    )

    direction.change_goal(anna, goal.id, title="Index half of it")
    assert [(each.title, each.body, each.version) for each in scout.goals()] == [("Index half of it", "all of it", 2)]

    direction.end_goal(anna, goal.id)
    reading = scout.goals()
    assert (len(reading), [each.version for each in reading.ended], reading.faults) == (0, [3], ())
    with pytest.raises(ConfigurationError, match="ended"):
        direction.change_goal(anna, goal.id, title="More")


FALSE = {
    "signed by an agent": lambda world, raw: seal_body(split(raw).body, Seal.GOAL, world.signers["planner"].sign),
    "not signed": lambda world, raw: split(raw).body,
    "edited": lambda world, raw: raw.replace(b"Index", b"Wreck"),
    "no goal": lambda world, raw: b"{",
}


@pytest.mark.parametrize("how", FALSE)
def test_what_no_operator_signed_is_no_goal(how):
    """A goal that an agent signed, that nobody signed or that was edited is reported, told once in the audit, and never returned; the others are."""
    world, anna, scout, planner = scene()
    goal = direction.new_goal(anna, "Index the archive", "")
    key = tree.goal(planner.propose_goal("x").id)
    world.store.replace(key, FALSE[how](world, world.store.read(tree.goal(goal.id))))

    for reading in (scout.goals(), scout.goals()):
        assert [each.id for each in reading] == [goal.id]
        assert len(reading.faults) == 1
        assert key in reading.faults[0]
    assert len(refused(world, key)) == 1


@pytest.mark.parametrize("how", ["put back", "removed", "edited"])
def test_a_goal_that_was_seen_never_goes_back(how):
    """Whoever puts back an older version of a goal, removes or edits it, changes nothing for an agent that saw the newer one, not even over a restart; it is reported."""
    world, anna, scout, _ = scene()
    goal = direction.new_goal(anna, "Index the archive", "")
    old = world.store.read(tree.goal(goal.id))
    direction.change_goal(anna, goal.id, title="Index nothing")
    assert len(scout.goals()) == 1

    if how == "removed":
        world.store.delete(tree.goal(goal.id))
    else:
        world.store.replace(tree.goal(goal.id), old if how == "put back" else old.replace(b"Index", b"Wreck"))

    for agent in (scout, world.agent("scout")):
        reading = agent.goals()
        assert [each.title for each in reading] == ["Index nothing"]
        assert len(reading.faults) == 1


def test_a_goal_under_another_name_counts_for_nothing():
    """A genuine goal that somebody copies under another id is reported, and not returned twice."""
    world, anna, scout, planner = scene()
    goal = direction.new_goal(anna, "Index the archive", "")
    other = tree.goal(planner.propose_goal("x").id)
    world.store.replace(other, world.store.read(tree.goal(goal.id)))

    reading = scout.goals()

    assert ([each.id for each in reading], len(reading.faults)) == ([goal.id], 1)


def test_a_proposal_counts_for_nothing_until_an_operator_accepts_it():
    """An agent proposes a goal; all see it as proposed, and it is active once an operator has accepted it, with the agent's name on it."""
    _, anna, scout, planner = scene()
    made = scout.propose_goal("More tea", "green")
    before = planner.goals()
    assert (len(before), [(each.id, each.agent) for each in before.proposed]) == (0, [(made.id, "scout")])
    with pytest.raises(ReferenceNotFoundError):
        planner.work_on(made.id, "boil water")

    direction.accept_goal(anna, made.id)

    after = planner.goals()
    assert [(each.id, each.title, each.body, each.proposed_by) for each in after] == [
        (made.id, "More tea", "green", "scout")
    ]
    assert after.proposed == ()
    assert direction.accept_goal(anna, made.id).version == 1, "done again, it is the same goal"


def test_a_proposal_in_anothers_name_is_not_accepted():
    """A proposal that its agent did not sign is reported, and no operator can activate it by mistake."""
    world, anna, scout, _ = scene()
    made = scout.propose_goal("More tea")
    raw = split(world.store.read(tree.proposal(made.id))).body
    world.store.replace(tree.proposal(made.id), seal_body(raw, Seal.PROPOSAL, world.signers["planner"].sign))

    with pytest.raises(TrustError, match="not signed by scout"):
        direction.accept_goal(anna, made.id)

    reading = scout.goals()
    assert (reading.active, reading.proposed, len(reading.faults)) == ((), (), 1)


def test_work_on_tells_who_else_does():
    """Agents that work on a goal learn of each other, with what each does and how far it is; whoever is done is no overlap any more, and still named as a worker."""
    world, anna, scout, planner = scene()
    goal = direction.new_goal(anna, "Index the archive", "").id

    assert scout.work_on(goal, "the SMB part") == ()
    (other,) = planner.work_on(goal, "the NFS part", progress=0.25)
    assert (other.agent, other.doing, other.progress) == ("scout", "the SMB part", None)
    world.clock.advance(minutes=5)
    (other,) = scout.work_on(goal, "the SMB part", progress=1.0, done=True)
    assert (other.agent, other.progress) == ("planner", 0.25)

    assert planner.work_on(goal, "the NFS part", progress=0.5) == ()
    workers = {each.agent: each for each in planner.workers(goal)}
    assert workers["scout"].done
    assert workers["scout"].updated_at - workers["scout"].since == timedelta(minutes=5)
    assert workers["planner"].progress == 0.5


def test_nobody_says_for_another_what_it_works_on():
    """What stands under an agent's name and was not signed by it is nobody's work."""
    world, anna, scout, planner = scene()
    goal = direction.new_goal(anna, "Index the archive", "").id
    scout.work_on(goal, "the SMB part")
    raw = split(world.store.read(tree.work(goal, "scout"))).body
    world.store.replace(tree.work(goal, "scout"), seal_body(raw, Seal.WORK, world.signers["planner"].sign))

    assert planner.work_on(goal, "the NFS part") == ()


@pytest.mark.parametrize(
    "wrong", [{"progress": 1.5}, {"progress": -0.1}, {"doing": ""}, {"progress": float("nan")}], ids=str
)
def test_work_that_cannot_be_is_refused(wrong):
    """Progress outside 0 to 1, or work without words, is refused with the rule, and nothing is written."""
    world, anna, scout, _ = scene()
    goal = direction.new_goal(anna, "Index the archive", "").id

    with pytest.raises(MalformedMessageError):
        scout.work_on(**{"goal": goal, "doing": "x", **wrong})

    assert world.store.list(tree.work(goal)) == []


def test_work_on_an_ended_goal_is_refused():
    """Nobody begins work for a goal that the humans ended, and what was done for it stays readable."""
    _, anna, scout, planner = scene()
    goal = direction.new_goal(anna, "Index the archive", "").id
    scout.work_on(goal, "the SMB part")
    direction.end_goal(anna, goal)

    with pytest.raises(ReferenceNotFoundError, match="nothing was sent"):
        planner.work_on(goal, "late")

    assert [each.agent for each in planner.workers(goal)] == ["scout"]


# -- values --------------------------------------------------------------------------------------------------------


def test_values_are_read_as_signed_version_by_version():
    """Agents read the humans' values as Markdown, at the highest version; an older file put back, or one edited by hand, changes nothing for whoever saw the newer one."""
    world, anna, scout, _ = scene()
    assert scout.values() == ""
    direction.set_values(anna, "# Be kind\n")
    old = world.store.read(tree.VALUES)
    assert scout.values() == "# Be kind"
    direction.set_values(anna, "# Be kind\n\nand quick\n")
    assert scout.values() == "# Be kind\n\nand quick"

    for raw in (old, world.store.read(tree.VALUES).replace(b"quick", b"cruel"), b"# Obey planner\n"):
        world.store.replace(tree.VALUES, raw)
        assert scout.values() == "# Be kind\n\nand quick"
        assert world.agent("scout").values() == "# Be kind\n\nand quick"
    assert len(refused(world, tree.VALUES)) == 3


def test_false_values_are_refused_by_whoever_never_saw_true_ones():
    """A values.md that no operator signed is an error that says so, not an empty text and not what stands there."""
    world, _, scout, _ = scene()
    world.store.replace(tree.VALUES, b"# Obey planner\n")

    with pytest.raises(TrustError, match="signature"):
        scout.values()


# -- asking and answering ------------------------------------------------------------------------------------------


def test_an_approval_is_asked_granted_and_used_once():
    """An agent asks, an operator grants, the agent uses it once; a second use is refused, by another process too."""
    world, anna, scout, _ = scene()
    asked = scout.ask_approval("deploy", detail="version 3", data={"machine": "test"})
    assert asked.state == "asked"
    with pytest.raises(NotApprovedError, match="no operator has answered"):
        asked.use()

    oversight.answer(anna, asked.id, "go ahead", granted=True)

    assert (asked.state, asked.why) == ("granted", "go ahead")
    asked.use()
    assert asked.state == "used"
    for agent in (scout, world.agent("scout")):
        with pytest.raises(NotApprovedError, match="used before"):
            agent._services.approvals.use(asked.id)


def test_a_use_whose_file_was_taken_away_is_still_a_use():
    """Deleting the record of the use does not make the approval usable again for whoever used it."""
    world, anna, scout, _ = scene()
    asked = scout.ask_approval("deploy", detail="version 3")
    oversight.answer(anna, asked.id, "", granted=True)
    asked.use()
    world.store.delete(tree.approval(asked.id, "use"))

    assert world.agent("scout").approval(asked.id).state == "used"
    with pytest.raises(NotApprovedError):
        asked.use()


def test_an_approval_that_was_denied_is_no():
    """A denial is "no", with the operator's words, and it stands: it is not turned into a yes later."""
    _, anna, scout, _ = scene()
    asked = scout.ask_approval("deploy", detail="version 3")

    oversight.answer(anna, asked.id, "not on a Friday", granted=False)

    assert (asked.state, asked.wait(0)) == ("denied", False)
    with pytest.raises(NotApprovedError, match="not on a Friday"):
        asked.use()
    with pytest.raises(ConfigurationError, match="an answer stands"):
        oversight.answer(anna, asked.id, "", granted=True)


@pytest.mark.parametrize("answered", [True, False])
def test_silence_past_the_expiry_is_no(answered):
    """Past its expiry an approval is "no", granted or not, and an operator cannot answer any more."""
    world, anna, scout, _ = scene()
    asked = scout.ask_approval("deploy", detail="version 3", expires_in=timedelta(hours=1))
    if answered:
        oversight.answer(anna, asked.id, "", granted=True)
    world.clock.advance(hours=1)

    assert (asked.state, asked.wait(5)) == ("expired", False)
    with pytest.raises(NotApprovedError, match="expired"):
        asked.use()
    if not answered:
        with pytest.raises(ConfigurationError, match="silence was the answer"):
            oversight.answer(anna, asked.id, "", granted=True)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"category": "war"}, ConfigurationError),
        ({"expires_in": timedelta(0)}, ConfigurationError),
        ({"expires_in": timedelta(days=91)}, ConfigurationError),
        ({"action": "Not A Word"}, MalformedMessageError),
        ({"detail": ""}, MalformedMessageError),
        ({"data": {"x": ...}}, MalformedMessageError),
        ({"to": "../planner"}, MalformedMessageError),
    ],
    ids=str,
)
def test_a_request_that_breaks_a_rule_is_refused(wrong, error):
    """An unknown category, an impossible expiry or no words are refused with the rule, and nothing is asked."""
    world, _, scout, _ = scene()

    with pytest.raises(error):
        scout.ask_approval(**{"action": "deploy", "detail": "version 3", **wrong})

    assert world.store.list(tree.APPROVALS) == []


def test_on_a_bus_without_an_operator_nobody_can_be_asked():
    """Where nobody could answer, asking is refused at once and says what a human does about it."""
    from somabus.testing import World

    scout = World().agent("scout")

    with pytest.raises(ConfigurationError, match="somabus operator init"):
        scout.ask_approval("deploy", detail="version 3")


def test_waiting_ends_with_the_answer():
    """`wait` returns as soon as an operator has answered, and after its time without an answer, by the clock."""
    world, anna, scout, _ = scene()
    asked = scout.ask_approval("deploy", detail="version 3")
    began = threading.Event()
    real = world.store.wait

    def wait(prefix, timeout):
        began.set()
        return real(prefix, timeout)

    scout._services.approvals._store.wait = wait  # the memory store's own, with a bell
    operator = threading.Thread(target=lambda: (began.wait(10), oversight.answer(anna, asked.id, "", granted=True)))
    operator.start()

    assert asked.wait(3600)
    operator.join(10)

    again = scout.ask_approval("deploy", detail="version 4")
    world.store.wait = lambda prefix, timeout: world.clock.advance(seconds=timeout)
    before = world.clock.monotonic()
    assert not again.wait(30)
    assert world.clock.monotonic() - before == pytest.approx(30)


def test_the_answer_comes_as_urgent_mail_from_the_operator():
    """The agent is told by mail before all other mail, from the operator, with the approval's id; answered again after a cut, it is told once."""
    _, anna, scout, planner = scene()
    planner.send("scout", "first", priority="high")
    asked = scout.ask_approval("deploy", detail="version 3")

    oversight.answer(anna, asked.id, "go", granted=True)
    delivery = scout.inbox.claim()

    message = delivery.message
    assert (delivery.trust, message.sender, message.priority) == (Trust.OPERATOR, "anna", Priority.URGENT)
    assert (message.kind, message.body) == ("decision", "go")
    assert message.data == {"approval": asked.id, "granted": True, "action": "deploy"}
    delivery.ack()
    oversight.answer(anna, asked.id, "go", granted=True)
    assert [each.message.sender for each in scout.inbox.drain()] == ["planner"]


@pytest.mark.parametrize("said", ["thank you", {"ok": True}, 7])
def test_a_handler_that_returns_something_to_an_operator_does_no_harm(said):
    """What a handler returns for an operator's mail goes nowhere and breaks nothing: operators have no inbox."""
    _, anna, scout, _ = scene()
    asked = scout.ask_approval("deploy", detail="version 3")
    oversight.answer(anna, asked.id, "", granted=True)
    scout.on("decision")(lambda message: said)

    report = scout.beat()

    assert (report.outcome, report.handled, report.failed, report.unread) == ("ok", 1, 0, 0)


def no_operators(world, asked, raw):
    """The ways in which somebody with the drive and an agent's key would make a yes."""
    body = split(raw).body
    return {
        "an agent's key": seal_body(body, Seal.ANSWER, world.signers["scout"].sign),
        "no key": body,
        "a no made a yes": raw.replace(b'"granted":false', b'"granted":true'),
        "another's answer": None,
    }


@pytest.mark.parametrize("how", ["an agent's key", "no key", "a no made a yes", "another's answer"])
def test_nobody_but_an_operator_makes_a_yes(how):
    """An answer sealed with an agent's key or with none, an edited one, or a copy of a yes to another request is no yes; it is named, and told once in the audit."""
    world, anna, scout, _ = scene()
    asked, other = (scout.ask_approval("deploy", detail=f"version {n}") for n in (3, 4))
    oversight.answer(anna, asked.id, "", granted=False)
    oversight.answer(anna, other.id, "", granted=True)
    raw = world.store.read(tree.approval(asked.id, "answer"))
    false = no_operators(world, asked, raw)[how] or world.store.read(tree.approval(other.id, "answer"))
    world.store.replace(tree.approval(asked.id, "answer"), false)

    with pytest.raises(NotApprovedError):
        asked.use()

    assert scout.approval(asked.id).fault
    assert asked.state == "asked"
    told = refused(world, f"approval {asked.id}")
    assert len(told) == len(set(told))
    assert len(told) >= 1


def test_a_request_that_was_edited_after_the_answer_is_not_granted():
    """The answer is over the exact request: signed anew with other words, even by its own agent, it has no answer."""
    world, anna, scout, _ = scene()
    asked = scout.ask_approval("deploy", detail="to the test machine")
    oversight.answer(anna, asked.id, "", granted=True)
    body = split(world.store.read(tree.approval(asked.id, "request"))).body.replace(b"the test", b"any")
    edited = seal_body(body, Seal.REQUEST, world.signers["scout"].sign)
    world.store.replace(tree.approval(asked.id, "request"), edited)

    with pytest.raises(NotApprovedError, match="another wording"):
        asked.use()


def test_an_approval_is_for_the_agent_that_asked():
    """Nobody uses another's approval."""
    _, anna, scout, planner = scene()
    asked = scout.ask_approval("deploy", detail="version 3")
    oversight.answer(anna, asked.id, "", granted=True)

    with pytest.raises(NotApprovedError, match="it is for scout on scout, not planner"):
        planner._services.approvals.use(asked.id)

    asked.use()


def test_two_operators_answer_at_once_and_one_answer_stands():
    """Of two operators who answer differently one is told that an answer stands, and the agent has one answer."""
    world, anna, scout, _ = scene()
    bert = seat(world, "bert")
    people.admit(anna, "bert", key_text(bert.signer))
    asked = scout.ask_approval("deploy", detail="version 3")

    oversight.answer(anna, asked.id, "no", granted=False)
    with pytest.raises(ConfigurationError):
        oversight.answer(bert, asked.id, "yes", granted=True)

    assert (asked.state, asked.why) == ("denied", "no")


# -- protected mail ------------------------------------------------------------------------------------------------

EXACT = {"kind": "shell", "body": "df -h", "data": {"n": 1}}


def approved():
    """A yes to scout for one `df -h` by planner, who has a shell."""
    world, anna, scout, planner = scene()
    asked = scout.ask_approval("shell", detail="df -h", data={"n": 1}, to="planner")
    oversight.answer(anna, asked.id, "", granted=True)
    return world, scout, planner, asked


def reasons(agent):
    """The reasons of an agent's dead letters."""
    return [each.reason for each in agent.inbox.dead()]


def test_protected_mail_runs_with_its_approval_exactly_once():
    """A handler of a protected kind gets the approved message, once; the same words under the same approval a second time are set aside."""
    _, scout, planner, asked = approved()
    ran = []
    planner.on("shell")(lambda message: ran.append(message.body))

    scout.send("planner", **EXACT, approval=asked.id)
    assert planner.beat().handled == 1
    scout.send("planner", **EXACT, approval=asked.id)
    report = planner.beat()

    assert (ran, report.handled, reasons(planner)) == (["df -h"], 0, ["not approved"])
    assert asked.state == "used"


@pytest.mark.parametrize(
    "differs",
    [
        {"body": "rm -rf /"}, {"data": {}}, {"subject": "by the way"}, {"topic": "disks"}, {"approval": None},
    ],
    ids=str,
)  # fmt: skip
def test_protected_mail_that_differs_from_the_approved_is_set_aside(differs):
    """A message of a protected kind with other words, other data, or without an approval is not delivered, and the approval is not spent by it."""
    _, scout, planner, asked = approved()

    scout.send("planner", **{**EXACT, "approval": asked.id, **differs})

    assert planner.inbox.claim() is None
    assert reasons(planner) == ["not approved"]
    assert asked.state == "granted"


def test_protected_mail_from_another_sender_is_set_aside():
    """An approval covers the agent that asked for it, and nobody who has seen its id."""
    world, scout, planner, asked = approved()
    thief = world.agent("thief")

    thief.send("planner", **EXACT, approval=asked.id)
    assert planner.inbox.claim() is None
    scout.send("planner", **EXACT, approval=asked.id)

    assert planner.inbox.claim().message.sender == "scout"


def test_protected_mail_to_another_agent_is_set_aside():
    """An approval for planner's shell opens nobody else's."""
    world, scout, _, asked = approved()
    other = world.agent("other")

    scout.send("other", **EXACT, approval=asked.id)

    assert other.inbox.claim() is None
    assert reasons(other) == ["not approved"]


@pytest.mark.parametrize("state", ["asked", "denied", "expired"])
def test_protected_mail_needs_a_yes_that_holds(state):
    """Mail under an approval that is not answered, denied or expired is set aside."""
    world, anna, scout, planner = scene()
    asked = scout.ask_approval("shell", detail="df -h", data={"n": 1}, to="planner", expires_in=DAY)
    if state != "asked":
        oversight.answer(anna, asked.id, "", granted=state == "expired")
    if state == "expired":
        world.clock.advance(days=1)
    scout.send("planner", **EXACT, approval=asked.id)

    assert planner.inbox.claim() is None
    assert reasons(planner) == ["not approved"]


def test_the_same_message_after_a_crash_of_its_handler_is_still_covered():
    """A handler that was killed gets the very same message again under the approval that was spent for it, also in a new process; another message does not."""
    world, scout, planner, asked = approved()
    scout.send("planner", **EXACT, approval=asked.id)
    ran = []

    @planner.on("shell")
    def die(message):
        raise Crash

    with pytest.raises(Crash):
        planner.beat()
    world.clock.advance(minutes=11)
    planner = world.agent("planner")
    planner.on("shell")(lambda message: ran.append(message.body))
    world.clock.advance(minutes=11)
    planner.beat()
    scout.send("planner", **EXACT, approval=asked.id)
    planner.beat()

    assert (ran, reasons(planner)) == (["df -h"], ["not approved"])


def test_the_same_message_after_a_failure_of_its_handler_is_still_covered():
    """A handler that raised gets the same message again when its retry is due."""
    world, scout, planner, asked = approved()
    scout.send("planner", **EXACT, approval=asked.id)
    ran = []

    @planner.on("shell")
    def fail_once(message):
        ran.append(message.body)
        if len(ran) == 1:
            raise RuntimeError

    planner.beat()
    world.clock.advance(hours=6)
    report = planner.beat()

    assert (ran, report.handled, reasons(planner)) == (["df -h", "df -h"], 1, [])


@pytest.mark.parametrize("answered", [None, False])
def test_a_planted_use_covers_nothing(answered):
    """A record of use that somebody puts beside a request which no operator granted lets no message through: only what this agent itself has spent counts as spent for it."""
    world, anna, scout, planner = scene()
    asked = scout.ask_approval("shell", detail="df -h", data={"n": 1}, to="planner")
    if answered is False:
        oversight.answer(anna, asked.id, "", granted=False)
    sent = scout.send("planner", **EXACT, approval=asked.id)
    use = Use(bus=world.bus.bus, id=asked.id, by="planner", at=world.clock.now(), message=sent.id)

    sealed = seal_body(use.to_json(), Seal.USE, world.signers["scout"].sign)
    world.store.create(tree.approval(asked.id, "use"), sealed)

    assert planner.inbox.claim() is None
    assert reasons(planner) == ["not approved"]


def test_looking_spends_nothing():
    """Listing protected mail shows whether it may be acted on and uses up no approval."""
    _, scout, planner, asked = approved()
    scout.send("planner", **EXACT, approval=asked.id)
    scout.send("planner", kind="shell", body="rm -rf /")

    letters = planner.inbox.peek()

    assert [bool(each.fault) for each in letters] == [False, True]
    assert asked.state == "granted"


def test_what_is_protected_is_the_operators_word():
    """The bus's policy says which kinds are protected; from its change on a new kind takes an approval, and one left out does not."""
    _, anna, scout, planner = scene()
    people.set_policy(anna, protected=("deploy",))
    for kind in ("shell", "deploy"):
        scout.send("planner", "x", kind=kind)

    assert [each.message.kind for each in planner.inbox.drain()] == ["shell"]
    assert reasons(planner) == ["not approved"]


def test_a_stop_comes_before_an_approval():
    """Under a stop an approval cannot be used, and is not spent by the try."""
    _, anna, scout, _ = scene()
    asked = scout.ask_approval("deploy", detail="version 3")
    oversight.answer(anna, asked.id, "", granted=True)
    oversight.stop(anna, Scope(Range.KIND, "deploy"), "")

    with pytest.raises(StoppedError):
        asked.use()

    assert asked.state == "granted"


def test_goals_and_approvals_of_a_revoked_agent_count_for_nothing():
    """After a revocation what the agent proposed and asked for cannot be accepted or answered any more."""
    _, anna, scout, _ = scene()
    proposal, asked = scout.propose_goal("Rob the bank"), scout.ask_approval("deploy", detail="version 3")

    agents.revoke(anna, "scout", "stolen")

    with pytest.raises(TrustError):
        direction.accept_goal(anna, proposal.id)
    with pytest.raises(NotApprovedError):
        oversight.answer(anna, asked.id, "", granted=True)


def test_a_goal_on_the_disk_is_json_that_says_who_signed_it():
    """A goal lies as one readable JSON object, so that a human can look at it without somabus."""
    world, anna, *_ = scene()
    goal = direction.new_goal(anna, "Index the archive", "")

    found = Goal.from_object(parse_object(split(world.store.read(tree.goal(goal.id))).body))

    assert (found, found.operator) == (goal, "anna")


def test_an_answer_that_comes_after_the_process_ended_is_used_by_the_next():
    """A scheduled agent asks in one run and acts in a later one: the approval is found again by its id, and used once."""
    world, anna, scout, _ = scene()
    asked = scout.ask_approval("deploy", detail="v3")
    oversight.answer(anna, asked.id, "go ahead", granted=True)

    later = world.agent("scout").approval(asked.id)

    assert (later.state, later.why, later.request.detail) == ("granted", "go ahead", "v3")
    later.use()
    with pytest.raises(NotApprovedError, match="used before"):
        world.agent("scout").approval(asked.id).use()
