"""The commands for keeping hold, typed as a new user would: stop and resume, ask and answer, and the audit."""

import json
import threading

import pytest

from somabus import Agent
from somabus.cli.output import Exit
from somabus.desk import Desk
from somabus.operator import oversight
from tests.surfaces.conftest import copied, machine, on_a_bus
from tests.surfaces.shell import ID
from tests.surfaces.test_terminal_safety import NASTY, controls

SENDING = ["send planner hi", "share smb x", "propose x", "ask deploy --detail v3", "rotate", "beat"]
READING = ["status", "inbox", "peers", "dead", "goals", "stops", "approvals", "audit", "operator list", "verify"]


@pytest.fixture(scope="module")
def ruled(tmp_path_factory):
    """A machine with scout, planner and the operator anna, to be copied."""
    folder = tmp_path_factory.mktemp("ruled")
    with pytest.MonkeyPatch.context() as patch:
        machine(folder, patch)
        on_a_bus(patch)("operator", "init", "anna", "--no-passphrase")
    return folder


@pytest.fixture
def anna(ruled, tmp_path, monkeypatch):
    """A shell on such a machine, for scout and for the operator anna."""
    return copied(ruled, tmp_path / "here", monkeypatch)


@pytest.fixture
def keyless(anna, tmp_path, monkeypatch):
    """A shell on another machine on the bus that anna rules; nobody has a key there."""
    monkeypatch.setenv("SOMABUS_HOME", str(tmp_path / "another machine"))
    return anna


def stops(shell):
    """What is stopped, as programs read it."""
    return shell("stops", "--json").json["stops"]


def ask(shell, detail="v3", *more):
    """Ask for an approval as scout, and return its id."""
    return shell("ask", "deploy", "--detail", detail, *more, "--json").json["approval"]


def asked(shell, *more):
    """The approvals, as programs read them."""
    return shell("approvals", *more, "--json").json["approvals"]


# -- stop and resume ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", SENDING)
def test_a_stop_holds_every_act_back(anna, order):
    """P12: after `somabus stop` no act of an agent is done: exit 8, and the answer says who stopped it, and why."""
    anna("stop", "--why", "fire")

    answer = anna(*order.split())

    assert answer.code == Exit.HELD, answer
    assert "anna stopped the whole bus" in answer.err + answer.out
    assert "fire" in answer.err + answer.out


def test_a_stop_lets_people_look(anna):
    """P12: reading and the operator's own acts go on under a stop."""
    asked_for = ask(anna)
    anna("stop")

    codes = {order: anna(*order.split()).code for order in READING}
    codes[asked_for] = anna("approve", asked_for).code
    codes["goal"] = anna("operator", "goal", "new", "Index").code

    assert [order for order, code in codes.items() if code not in (Exit.DONE, Exit.NOTHING, Exit.UNWELL)] == []


def test_status_opens_with_the_stop(anna):
    """A person who looks at the status of a stopped bus sees that first."""
    anna("stop", "--why", "fire")

    assert anna("status").out.startswith("STOPPED  anna stopped the whole bus: fire\n")


@pytest.mark.parametrize(
    ("scope", "file", "held"),
    [
        ([], "STOP", ["scout", "planner", "status"]),
        (["--only", "scout"], "STOP.agent.scout", ["scout"]),
        (["--kind", "status"], "STOP.kind.status", ["status"]),
    ],
)
def test_a_stop_reaches_as_far_as_was_said(anna, scope, file, held):
    """The whole bus, one agent, or one kind of work; `resume` with the same words lifts just that."""
    stopped = anna("stop", *scope, "--why", "fire", "--json").json

    sent = {
        "scout": anna("send", "planner", "hi"),
        "planner": anna("send", "scout", "hi", "--agent", "planner"),
        "status": anna("send", "scout", "hi", "--kind", "status", "--agent", "planner"),
    }

    assert [each for each, answer in sent.items() if answer.code == Exit.HELD] == held
    assert (stopped["file"], stopped["signed"], stopped["by"], stopped["why"]) == (file, True, "anna", "fire")
    assert [(each["id"], each["file"]) for each in stops(anna)] == [(stopped["id"], file)]
    assert anna("resume", *scope, "--json").json["resumed"] == [stopped["stopped"]]
    assert anna("send", "planner", "hi").code == Exit.DONE


def test_resume_of_one_leaves_the_others(anna):
    """`resume` lifts the stop it is told to; `--all` lifts every one."""
    for scope in ([], ["--only", "planner"], ["--kind", "deploy"]):
        anna("stop", *scope)

    anna("resume", "--only", "planner")
    left = [each["file"] for each in stops(anna)]
    everything = anna("resume", "--all")

    assert left == ["STOP", "STOP.kind.deploy"]
    assert everything.code == Exit.DONE
    assert stops(anna) == []


def test_resume_of_nothing_is_three(anna):
    """Where nothing is stopped, `stops` and `resume` say so: exit 3."""
    assert anna("stops").code == Exit.NOTHING
    answer = anna("resume")

    assert answer.code == Exit.NOTHING
    assert "nothing was stopped there" in answer.out


def test_a_signed_stop_outlives_its_file(anna):
    """P12: taking the file away lifts nothing for who saw it; `stops` says so, and `resume` lifts it."""
    anna("stop", "--why", "fire")
    anna("send", "planner", "hi")
    (anna.bus / "STOP").unlink()

    assert anna("send", "planner", "hi").code == Exit.HELD
    assert [each["removed"] for each in stops(anna)] == [True]
    assert "taken away, and holds" in anna("stops").out
    assert anna("resume").code == Exit.DONE
    assert anna("send", "planner", "hi").code == Exit.DONE


@pytest.mark.parametrize("name", ["STOP", "STOP.txt", "stop"])
def test_a_file_made_by_hand_stops(anna, name):
    """P12: an empty file named STOP is enough; `stops` shows it as made by hand, `resume` takes it away."""
    (anna.bus / name).touch()

    assert anna("send", "planner", "hi").code == Exit.HELD
    assert [each["signed"] for each in stops(anna)] == [False]
    assert "by hand" in anna("stops").out
    assert anna("resume").code == Exit.DONE
    assert not (anna.bus / name).exists()


def test_on_a_bus_without_operators_anybody_stops_and_resumes(team):
    """Nobody has a key there, and nobody is kept from stopping, or from going on."""
    stopped = team("stop", "--why", "fire")
    held = team("send", "planner", "hi")

    assert stopped.code == Exit.DONE, stopped
    assert "without a signature" in stopped.out
    assert held.code == Exit.HELD
    assert team("resume").code == Exit.DONE
    assert team("send", "planner", "hi").code == Exit.DONE


def test_without_a_key_the_way_to_stop_is_told(keyless):
    """P12: on a ruled bus, who has no key learns of --unsigned: exit 2; with it, the bus stops at once."""
    refused = keyless("stop", "--why", "fire")

    assert refused.code == Exit.USAGE
    assert "somabus stop --unsigned" in refused.err
    assert keyless("stop", "--unsigned", "--why", "fire").code == Exit.DONE
    assert [(each["signed"], each["why"]) for each in stops(keyless)] == [(False, "fire")]


def test_without_a_key_nothing_is_resumed(keyless):
    """P12: on a ruled bus only an operator lifts a stop: exit 2, and it holds."""
    keyless("stop", "--unsigned")

    answer = keyless("resume")

    assert answer.code == Exit.USAGE
    assert "no operator's key" in answer.err
    assert len(stops(keyless)) == 1


@pytest.mark.parametrize("more", [[], ["--unsigned"]])
def test_a_stop_of_nobody_is_told(anna, more):
    """A mistyped name stops nobody: it is written all the same, and the answer warns and names the nearest."""
    answer = anna("stop", "--only", "plannr", *more)
    program = anna("stop", "--only", "plannr", *more, "--json")

    assert answer.code == Exit.DONE, answer
    assert "no agent named plannr has joined this bus; did you mean planner?" in answer.out
    assert program.json["warning"] in answer.out
    assert anna("stop", "--only", "planner", *more, "--json").json["warning"] == ""


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("stop --only scout --kind deploy", ["'scout'", "'deploy'", "one of the two"]),
        ("resume --only scout --kind deploy", ["'scout'", "'deploy'", "one of the two"]),
        ("resume --all --only scout", ["--all", "'scout'"]),
        ("stop --only Scout", ["'Scout' is no valid name", "1 to 64 of a-z"]),
        ("stop --kind ../up", ["'../up' is no valid name"]),
        ("stop --as bert", ["no operator's key of bert", "--unsigned"]),
        (f"stop --why {'x' * 1001}", ["1,001 characters", "at most 1,000"]),
        (f"resume --why {'x' * 1001}", ["1,001 characters", "at most 1,000"]),
        ("audit --last 0", ["--last", "0 is not in the range"]),
    ],
)  # fmt: skip
def test_what_is_typed_wrong_is_told_and_stops_nothing(anna, order, words):
    """Exit 2, with the value and the rule; no stop is made or lifted, and nothing is audited."""
    answer = anna(*order.split())

    assert answer.code == Exit.USAGE, answer
    assert [word for word in words if word not in answer.err] == []
    assert stops(anna) == []
    assert anna("audit", "--json").json["count"] == 1


@pytest.mark.parametrize("order", ["stop", "resume", "approve", "deny"])
def test_a_reason_that_is_no_text_does_not_keep_a_human_from_acting(anna, order):
    """Bytes that are no UTF-8 in --why, as a terminal of another code page types them, are written as escapes."""
    if order == "resume":
        anna("stop")
    arguments = [ask(anna)] if order in ("approve", "deny") else []

    assert anna(order, *arguments, "--why", "caf\udce9").code == Exit.DONE


# -- approvals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("order", "state", "granted"), [("approve", "granted", True), ("deny", "denied", False)])
def test_an_answer_reaches_the_agent(anna, order, state, granted):
    """Asked, listed, answered by the end of the id: the agent gets the answer as urgent mail, and the list is empty."""
    approval = ask(anna)
    assert [each["request"]["id"] for each in asked(anna)] == [approval]

    answer = anna(order, approval[-12:], "--why", "as agreed", "--json")

    mail = anna("read", "--json").json["message"]
    assert (answer.json["approval"], answer.json["state"]) == (approval, state)
    assert answer.json["answer"]["why"] == "as agreed"
    assert (mail["priority"], mail["data"]["approval"], mail["data"]["granted"]) == ("urgent", approval, granted)
    assert anna("approvals").code == Exit.NOTHING
    assert [each["state"] for each in asked(anna, "--all")] == [state]


def test_the_answer_says_to_what_it_was_given(anna):
    """Who approves reads in the answer what exactly: action, by whom, and the detail."""
    approval = ask(anna, "version 3 to the test machine", "--data", '{"n": 3}')

    assert anna("approve", approval).out == (
        'granted: deploy by scout, asked by scout: version 3 to the test machine {"n": 3}\n'
    )


def test_answering_twice_the_same_way_is_no_event(anna):
    """`approve` once more says the same; `deny` after it is exit 2, and the first answer stands."""
    approval = ask(anna)
    anna("approve", approval)

    again, other = anna("approve", approval), anna("deny", approval)

    assert again.code == Exit.DONE, again
    assert other.code == Exit.USAGE
    assert "was granted before" in other.err
    assert [each["state"] for each in asked(anna, "--all")] == ["granted"]


@pytest.mark.parametrize("given", ["", " ", "nope", ID, "../../registry"])
@pytest.mark.parametrize("order", ["approve", "deny"])
def test_what_is_no_requests_id_answers_nothing(anna, order, given):
    """P12: a variable that was not set approves nothing, although every id ends with nothing: exit 5, and it waits."""
    ask(anna)

    answer = anna(order, given)

    assert answer.code == Exit.REFUSED, answer
    assert "somabus approvals" in answer.err
    assert [each["state"] for each in asked(anna)] == ["asked"]


def test_an_ending_of_two_requests_answers_neither(anna):
    """P12: too little of an id answers nothing, and a digest of another wording neither: exit 2 and 8."""
    one = ask(anna)

    short = anna("approve", one[-1])
    other = anna("approve", one, "--digest", "0" * 16)

    assert (short.code, other.code) == (Exit.USAGE, Exit.HELD)
    assert f"'{one[-1]}' is too little of an id" in short.err
    assert "not the one you read" in other.err
    assert {each["state"] for each in asked(anna)} == {"asked"}
    digest = anna("approvals", "--json").json["approvals"][0]["digest"]
    assert anna("approve", one, "--digest", digest[:16]).code == Exit.DONE


def test_without_a_key_nothing_is_approved(keyless):
    """P12: no agent's key answers a request: exit 2, and it goes on waiting."""
    approval = Agent("scribe", keyless.bus).ask_approval("deploy", detail="v3").id

    assert keyless("approve", approval).code == Exit.USAGE
    assert [each["state"] for each in asked(keyless)] == ["asked"]


@pytest.mark.parametrize(
    ("order", "code", "words"),
    [
        (["--detail", ""], Exit.REFUSED, ["detail"]),
        (["--detail", "\udcff"], Exit.REFUSED, ["detail"]),
        (["--detail", "x", "--category", "money"], Exit.USAGE, ["'money'", "there are: general"]),
        (["--detail", "x", "--expires", "91d"], Exit.USAGE, ["91 days", "within 90 days"]),
        (["--detail", "x", "--expires", "6"], Exit.USAGE, ["'6'", "6h"]),
        (["--detail", "x", "--wait", "soon"], Exit.USAGE, ["'soon'", "6h"]),
        (["--detail", "x", "--data", "["], Exit.USAGE, ["--data", '{"n": 3}']),
        (["--detail", "x", "--to", "Planner"], Exit.REFUSED, ["'Planner'", "1 to 64 of a-z"]),
        ([], Exit.USAGE, ["--detail"]),
    ],
)
def test_what_cannot_be_asked_is_told(anna, order, code, words):
    """A request that breaks a rule is refused with the value and the rule, and nobody sees it."""
    answer = anna("ask", "deploy", *order)

    assert answer.code == code, answer
    assert [word for word in words if word not in answer.err] == []
    assert asked(anna) == []


def test_nobody_to_ask_is_told(team):
    """On a bus without operators `ask` and `rotate` are exit 2: there is nobody who could answer."""
    assert "somabus operator init" in team("ask", "deploy", "--detail", "x").err
    assert "no operator" in team("rotate").err


@pytest.mark.parametrize(("granted", "code"), [(True, Exit.DONE), (False, Exit.HELD)])
def test_ask_waits_for_the_answer(anna, granted, code):
    """`ask --wait` returns as soon as a human has answered: exit 0 is yes, 8 is no."""
    seat = Desk(anna.bus).sit(lambda: "")

    def human():
        while not (waiting := [each.request.id for each in oversight.approvals_of(seat).all()]):
            seat.store.wait("approvals", 0.05)
        oversight.answer(seat, waiting[0], "", granted=granted)

    thread = threading.Thread(target=human)
    thread.start()
    answer = anna("ask", "deploy", "--detail", "v3", "--wait", "30s", "--json")
    thread.join()

    assert answer.code == code, answer
    assert answer.json["granted"] is granted


def test_ask_waits_no_longer_than_it_was_told(anna):
    """Where nobody answers in time it is not yes: exit 8, the request waits on."""
    answer = anna("ask", "deploy", "--detail", "v3", "--wait", "0.05s", "--json")

    assert answer.code == Exit.HELD, answer
    assert (answer.json["granted"], answer.json["state"]) == (False, "asked")
    assert [each["request"]["id"] for each in asked(anna)] == [answer.json["approval"]]


def test_protected_mail_goes_with_its_approval_once(anna):
    """A kind that the bus protects is handled with the approval that its request got, once; without one it is not."""
    approval = anna("ask", "shell", "--detail", "df -h", "--to", "planner", "--json").json["approval"]
    anna("approve", approval)
    orders = [["--approval", approval], ["--approval", approval], []]
    sent = [
        anna("send", "planner", "df -h", "--kind", "shell", *more, "--json").json["receipt"]["id"] for more in orders
    ]

    anna("beat", "--agent", "planner")

    ends = [anna("trace", "planner", each, "--json").json["trace"]["state"] for each in sent]
    assert ends == ["done", "dead", "dead"]
    assert [each["state"] for each in asked(anna, "--all")] == ["used"]


def test_a_long_request_is_read_in_full(anna):
    """P12: a human can read all of what an agent asks for: the list says that it cuts, and how to see the rest."""
    detail = "harmless\n" * 50 + "and then delete everything"
    approval = ask(anna, detail, "--data", '{"n": 3}')

    listed, shown = anna("approvals"), anna("approvals", approval[-6:])

    assert "delete everything" not in listed.out
    assert "somabus approvals ID" in listed.out
    assert "  and then delete everything\n" in shown.out
    assert '"n": 3' in shown.out
    assert anna("approvals", approval, "--json").json["approvals"][0]["request"]["detail"] == detail


def test_what_an_agent_asks_for_forges_no_line(anna):
    """P12: whatever an agent writes into its request stands indented, and cannot pass for a line of the answer."""
    ask(anna, "x\nstate    granted\n\x0bby anna\u2028by anna")

    lines = anna("approvals", ask(anna, "x\nstate    granted\r\x0bby anna\u2028by anna")[-12:]).out.splitlines()

    assert [line for line in lines if line.startswith("state")] == ["state    asked"]
    assert len(anna("approvals").out.splitlines()) == 1 + 2 + 1


@pytest.mark.parametrize("given", ["nope", "", ID])
def test_looking_at_a_request_that_is_not_there_is_told(anna, given):
    """Exit 5, with the way to the list."""
    answer = anna("approvals", given)

    assert answer.code == Exit.REFUSED
    assert "somabus approvals --all" in answer.err


# -- the audit ----------------------------------------------------------------------------------------------------


def entry(shell, number):
    """The file of an audit entry."""
    return shell.bus / "audit" / "0000000" / f"{number:010d}.json"


@pytest.fixture
def audited(anna):
    """A bus with five entries in its audit."""
    for order in ("operator certify scout", "operator goal new Index", "stop --why fire", "resume"):
        anna(*order.split())
    return anna


def test_every_act_of_an_operator_stands_in_the_audit(audited):
    """P12: who did what, when and to what; the chain is whole: exit 0."""
    answer = audited("audit", "--json")

    entries = [each["entry"] for each in answer.json["entries"]]
    assert answer.code == Exit.DONE
    assert [each["act"] for each in entries] == ["operator init", "certify", "goal activate", "stop", "resume"]
    assert {each["by"] for each in entries} == {"anna"}
    assert [each["number"] for each in answer.json["entries"]] == [1, 2, 3, 4, 5]
    assert "5 entries, the chain is whole\nunread 0\n" in audited("audit").out


def test_the_audit_shows_the_last_and_checks_all(audited):
    """`--last 2` prints two entries; a fault in an older one is found and told all the same."""
    assert [each["number"] for each in audited("audit", "--last", "2", "--json").json["entries"]] == [4, 5]
    entry(audited, 2).unlink()

    answer = audited("audit", "--last", "2")

    assert answer.code == Exit.UNWELL
    assert "faults at 2" in answer.out


def drop(path):
    """Remove an entry."""
    path.unlink()


def edit(path):
    """Change what an entry says."""
    path.write_text(path.read_text().replace("anna", "bert"))


def spoil(path):
    """Leave something that is no entry."""
    path.write_text("{")


@pytest.mark.parametrize("number", [1, 3, 5])
@pytest.mark.parametrize("harm", [drop, edit, spoil])
def test_a_broken_chain_is_told_with_the_number(audited, harm, number):
    """P12: an entry removed or altered is exit 6 and named by its number, the last one too for who looked before."""
    audited("audit")
    harm(entry(audited, number))

    answer = audited("audit", "--json")

    assert answer.code == Exit.UNWELL, answer
    assert answer.json["faults"][0]["number"] == number
    assert f"faults at {number}" in audited("audit").out


def test_an_empty_audit_is_no_fault(team):
    """On a bus where nothing happened there is nothing to tell: exit 0."""
    answer = team("audit")

    assert answer.code == Exit.DONE
    assert "the audit is empty" in answer.out


# -- foreign text -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_foreign_text_does_not_act_on_the_terminal(anna, text):
    """What anybody writes into a stop or a request reaches terminals without a control character, and as one line."""
    approval = ask(anna, f"{text}\nanna", "--data", json.dumps({"x": text}))
    anna("stop", "--unsigned", "--why", f"{text}\nanna")

    told = [anna(*order.split()) for order in ("stops", "approvals", f"approvals {approval}", "status", "audit")]
    told += [anna("send", "planner", "hi"), anna("resume"), anna("approve", approval)]

    shown = "".join(each.out + each.err for each in told)
    assert controls(shown) == []
    assert "\nanna" not in shown.replace("\nanna #", "")


def test_the_name_of_a_stop_forges_no_line(anna):
    """A file name is foreign text too: a stop with a line end in its name makes one row, and one line of `resume`."""
    (anna.bus / "STOP.agent.x\nplanner").touch()

    told = [anna("stops"), anna("resume", "--all")]

    assert [line for each in told for line in each.out.splitlines() if line.startswith("planner")] == []


def test_why_a_beat_was_stopped_is_one_line(anna):
    """Whoever stops by hand writes no line of its own into the report of a beat."""
    anna("stop", "--unsigned", "--why", "x\n  unread 0")

    assert "\n  unread 0)" not in anna("beat").out
