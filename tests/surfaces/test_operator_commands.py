"""The operator's commands, typed as a new user would: the key, who rules, whom they trust, what it is all for."""

import os
import re
import signal
import sys

import pytest

from somabus import Agent
from somabus.cli.output import Exit
from tests.surfaces.conftest import copied, machine, on_a_bus
from tests.surfaces.shell import ID, environment, process
from tests.surfaces.test_terminal_safety import NASTY, controls

KEY = "6SEKgXMpxVYD98JPqjVfYXHPsC2aTXRHHvcjHR8OWsU"  # of an operator on another machine


def operator(shell, order, *more, **options):
    """Type an operator's command."""
    return shell("operator", *order.split(), *more, **options)


def other_machine(tmp_path, patch, name="another machine"):
    """Stand on another machine: another home, no key, the same bus."""
    patch.setenv("SOMABUS_HOME", str(tmp_path / name))


@pytest.fixture(scope="module")
def ruled(tmp_path_factory):
    """A machine with scout, planner and the operator anna, to be copied."""
    folder = tmp_path_factory.mktemp("ruled")
    with pytest.MonkeyPatch.context() as patch:
        machine(folder, patch)
        operator(on_a_bus(patch), "init anna --no-passphrase")
    return folder


@pytest.fixture
def anna(ruled, tmp_path, monkeypatch):
    """A shell on such a machine, for scout and for the operator anna."""
    monkeypatch.delenv("SOMABUS_PASSPHRASE", raising=False)
    return copied(ruled, tmp_path / "here", monkeypatch)


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """The answer to an `operator init` with a passphrase from the environment, and its machine, to be copied."""
    folder = tmp_path_factory.mktemp("locked")
    with pytest.MonkeyPatch.context() as patch:
        machine(folder, patch)
        shell = on_a_bus(patch)
        patch.setenv("SOMABUS_PASSPHRASE", "correct horse")
        return folder, operator(shell, "init anna")


# -- the key ------------------------------------------------------------------------------------------------------


def test_init_makes_the_first_operator(team):
    """On a bus that nobody owns, `operator init` makes its operator, and says under which key."""
    answer = operator(team, "init anna --no-passphrase --json")

    assert answer.code == Exit.DONE, answer
    assert answer.json["admitted"] is True
    (there,) = operator(team, "list --json").json["bus"]["operators"]
    assert (there["name"], there["public_key"]) == ("anna", answer.json["public_key"])


def test_init_without_a_name_makes_one_called_operator(team):
    """A human who gives no name is `operator`."""
    assert operator(team, "init --no-passphrase").out.startswith("operator #")


def test_init_again_changes_nothing(anna):
    """Typed twice, `operator init` says the same and leaves key, bus and audit as they are."""
    before = (anna.bus / "somabus.json").read_bytes()

    answer = operator(anna, "init anna --no-passphrase")

    assert answer.code == Exit.DONE, answer
    assert (anna.bus / "somabus.json").read_bytes() == before
    assert anna("audit", "--json").json["count"] == 1


def test_the_passphrase_is_taken_from_the_environment(locked):
    """SOMABUS_PASSPHRASE locks the new key, so that the key file alone signs nothing."""
    folder, made = locked

    assert made.code == Exit.DONE, made
    (key,) = folder.glob("home/operators/*/anna/key")
    assert '"salt":""' not in key.read_text()
    assert key.stat().st_mode & 0o077 == 0


def test_a_wrong_passphrase_signs_nothing(locked, tmp_path, monkeypatch):
    """A wrong passphrase is exit 2, names the key that it does not open, and the bus stays as it is."""
    shell = copied(locked[0], tmp_path / "here", monkeypatch)
    monkeypatch.setenv("SOMABUS_PASSPHRASE", "wrong horse")

    answer = operator(shell, "certify scout")

    assert answer.code == Exit.USAGE
    assert "the passphrase does not open the key #" in answer.err
    assert "of anna" in answer.err
    assert not (shell.bus / "registry" / "scout" / "certificate.json").exists()


@pytest.mark.parametrize("said", [None, ""])
@pytest.mark.parametrize("order", ["certify scout", "rotate"])
def test_a_locked_key_without_a_terminal_says_what_to_do(locked, tmp_path, monkeypatch, order, said):
    """Where nobody can type, and SOMABUS_PASSPHRASE is not set or empty, the answer names both ways: exit 2."""
    shell = copied(locked[0], tmp_path / "here", monkeypatch)
    monkeypatch.delenv("SOMABUS_PASSPHRASE", raising=False)
    if said is not None:
        monkeypatch.setenv("SOMABUS_PASSPHRASE", said)

    answer = operator(shell, order)

    assert answer.code == Exit.USAGE
    assert "at a terminal" in answer.err
    assert "SOMABUS_PASSPHRASE" in answer.err


@pytest.mark.parametrize("said", [None, ""])
def test_a_new_key_without_a_terminal_says_what_to_do(team, tmp_path, monkeypatch, said):
    """Where no passphrase can be had, no key is made: exit 2, with the three ways; an empty one is none."""
    if said is not None:
        monkeypatch.setenv("SOMABUS_PASSPHRASE", said)

    answer = operator(team, "init anna")

    assert answer.code == Exit.USAGE
    for way in ("at a terminal", "SOMABUS_PASSPHRASE", "--no-passphrase"):
        assert way in answer.err
    assert not (tmp_path / "home" / "operators").exists()


@pytest.mark.parametrize("order", ["operator list", "goals", "stops", "approvals", "audit", "status", "inbox"])
def test_looking_takes_no_passphrase(locked, tmp_path, monkeypatch, order):
    """Reading works while the key is locked."""
    shell = copied(locked[0], tmp_path / "here", monkeypatch)
    monkeypatch.delenv("SOMABUS_PASSPHRASE", raising=False)

    assert shell(*order.split()).code in (Exit.DONE, Exit.NOTHING)


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")
@pytest.mark.parametrize(
    ("typed", "code"), [(b"tea\ntea\n", Exit.DONE), (b"\x03", Exit.STOPPED), (b"\x04", Exit.STOPPED)]
)
def test_at_a_terminal_the_passphrase_is_asked_for_twice(team, tmp_path, typed, code):
    """At a terminal the new passphrase is typed twice and not shown; Ctrl-C and Ctrl-D leave no key behind."""
    shown, ended = at_a_terminal(typed, "operator", "init", "anna")

    assert ended == code, shown
    assert b"assphrase" in shown
    assert b"tea" not in shown
    assert bool(list(tmp_path.glob("home/operators/*/anna/key"))) == (code is Exit.DONE)


def at_a_terminal(typed, *order):
    """Run a command at a pseudo-terminal, type when it asks, and return what it showed and its exit code."""
    import pty
    import termios

    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - becomes the command
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores it, and so would its children
        os.execvpe(sys.executable, process(*order), environment())  # noqa: S606 - no shell is wanted
    shown, asked = b"", 0
    lines = re.findall(rb"[^\n]*\n|[^\n]+", typed)
    while True:
        try:
            said = os.read(terminal, 4096)
        except OSError:  # Linux: the command has ended
            break
        if not said:
            break
        shown += said
        while lines and shown.count(b": ") > asked and not termios.tcgetattr(terminal)[3] & termios.ECHO:
            os.write(terminal, lines.pop(0))
            asked += 1
    os.close(terminal)
    return shown, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("order", ["certify scout", "policy --trust certified", "goal new x", "rotate"])
def test_a_key_that_others_can_read_is_not_used(anna, tmp_path, order):
    """An operator's key that is not private signs nothing: exit 2, with the command that repairs it."""
    (key,) = tmp_path.glob("here/home/operators/*/anna/key")
    key.chmod(0o640)

    answer = operator(anna, order)

    assert answer.code == Exit.USAGE
    assert f"chmod 600 {key}" in answer.err
    assert anna("audit", "--json").json["count"] == 1


@pytest.mark.parametrize("harm", [b"", b"{", b'{"format":1}'])
def test_a_damaged_key_is_named(anna, tmp_path, harm):
    """A key file that is none is told with its path, so that a human can bring back a copy."""
    (key,) = tmp_path.glob("here/home/operators/*/anna/key")
    key.write_bytes(harm)

    answer = operator(anna, "certify scout")

    assert answer.code == Exit.USAGE, answer
    assert str(key) in answer.err


def test_a_home_on_the_bus_is_refused(team, monkeypatch):
    """An operator's key on the shared drive would be everybody's: exit 2, and none is made."""
    monkeypatch.setenv("SOMABUS_HOME", str(team.bus / "home"))

    answer = operator(team, "init anna --no-passphrase")

    assert answer.code == Exit.USAGE
    assert "SOMABUS_HOME" in answer.err
    assert not (team.bus / "home").exists()


# -- who rules ----------------------------------------------------------------------------------------------------


def test_a_second_human_is_admitted_by_the_first(anna, tmp_path, monkeypatch):
    """`operator init` on another machine prints what the first one types; after that both rule."""
    other_machine(tmp_path, monkeypatch)
    asked = operator(anna, "init bert --no-passphrase")
    line = next(each for each in asked.out.splitlines() if each.strip().startswith("somabus operator add bert"))
    assert operator(anna, "certify scout").code == Exit.USAGE

    monkeypatch.setenv("SOMABUS_HOME", str(tmp_path / "here" / "home"))
    assert anna(*line.split()[1:]).code == Exit.DONE
    other_machine(tmp_path, monkeypatch)

    assert operator(anna, "init bert --no-passphrase").out.endswith("is an operator of research\n")
    assert operator(anna, f"certify scout --expect {short(anna)}").code == Exit.DONE


def test_a_key_that_begins_with_a_dash_is_no_option(anna):
    """One key of 64 begins with a dash, and may go on like options that there are; it is taken for the key that it is."""
    assert "bert is an operator now" in operator(anna, f"add bert -hf{'A' * 40}").out


def short(shell, agent="scout"):
    """The short form of an agent's key."""
    found = operator(shell, "list --json").json["agents"]
    return next(each["short"] for each in found if each["agent"] == agent)


def test_init_prints_the_whole_key_for_programs_too(anna, tmp_path, monkeypatch):
    """With --json, a program gets the key that `operator add` takes, and whether it still must be admitted."""
    other_machine(tmp_path, monkeypatch)

    answer = operator(anna, "init bert --no-passphrase --json").json

    assert answer["admitted"] is False
    assert len(answer["public_key"]) == 43


def test_init_without_a_name_stays_with_the_key_that_is_there(anna):
    """Who has a key on this machine and leaves the name out is that operator, and gets no second key."""
    assert operator(anna, "init --no-passphrase").out.startswith("anna #")
    assert operator(anna, "certify scout").code == Exit.DONE


@pytest.mark.parametrize("name", ["scout", "sc0ut", "anna", "an-na"])
def test_init_under_a_name_that_is_taken_makes_no_key(anna, tmp_path, monkeypatch, name):
    """A name that is, or looks like, an agent's or another operator's is exit 5, named, and leaves no key behind."""
    other_machine(tmp_path, monkeypatch)

    answer = operator(anna, f"init {name} --no-passphrase")

    assert answer.code == Exit.REFUSED, answer
    assert f"'{name}'" in answer.err
    assert list(tmp_path.glob("another machine/operators/*/*")) == []


def test_init_under_a_bad_name_asks_for_no_passphrase(team, tmp_path):
    """A name that breaks the rule is exit 2 with the rule, before anything is asked for or made."""
    answer = operator(team, "init", "Two Words")

    assert answer.code == Exit.USAGE
    assert "is no valid name" in answer.err
    assert not (tmp_path / "home" / "operators").exists()


@pytest.mark.parametrize("name", ["anna", "an-na", "ann.a"])
def test_no_agent_joins_under_an_operators_name(anna, name):
    """P7: an operator's name, and what looks like it, is no agent's: exit 5."""
    answer = anna("join", name)

    assert answer.code == Exit.REFUSED
    assert "'anna'" in answer.err


def test_no_agent_joins_under_a_name_that_looks_like_another(anna):
    """P7: nobody joins as p1anner beside planner: exit 5, both names told."""
    answer = anna("join", "p1anner")

    assert answer.code == Exit.REFUSED
    assert "'p1anner'" in answer.err
    assert "'planner'" in answer.err


@pytest.mark.parametrize(
    ("order", "code", "words"),
    [
        ("add bert zzz", Exit.USAGE, ["'zzz'", "no public key", "somabus operator init"]),
        (f"add scout {KEY}", Exit.REFUSED, ["'scout'"]),
        (f"add sc0ut {KEY}", Exit.REFUSED, ["'sc0ut'", "'scout'"]),
        (f"add anna {KEY}", Exit.USAGE, ["anna is an operator of this bus already"]),
        (f"add an-na {KEY}", Exit.REFUSED, ["'an-na'", "'anna'"]),
        (f"add Bert {KEY}", Exit.USAGE, ["'Bert' is no valid name"]),
        ("remove nobody", Exit.USAGE, ["nobody is no operator", "nothing was changed"]),
        ("remove anna", Exit.USAGE, ["anna is the last operator", "nothing was changed"]),
        ("certify plannr", Exit.REFUSED, ["'plannr'", "did you mean planner?"]),
        ("certify planner --expect 12345678", Exit.REFUSED, ["the key of planner is #", "not #12345678"]),
        ("certify planner --days 91", Exit.USAGE, ["91", "1<=x<=90"]),
        ("certify planner --days 0", Exit.USAGE, ["1<=x<=90"]),
        ("certify planner --as bert", Exit.USAGE, ["no operator's key of bert"]),
        ("revoke plannr", Exit.REFUSED, ["'plannr'", "did you mean planner?"]),
        ("revoke planner --key zzz", Exit.USAGE, ["public_key", "'zzz'"]),
        ("policy", Exit.USAGE, ["nothing to change", "--trust"]),
        ("policy --trust best", Exit.USAGE, ["'best'", "'certified'"]),
        ("policy --category X", Exit.USAGE, ["categories", "'X'", "1 to 64 of a-z"]),
        ("policy --protect X", Exit.USAGE, ["protected", "'X'", "1 to 64 of a-z"]),
        ("policy --hop-limit 0", Exit.USAGE, ["1<=x<=10000"]),
        ("goal accept nope", Exit.REFUSED, ["'nope'", "no proposal", "somabus goals"]),
        (f"goal accept {ID}", Exit.REFUSED, [ID, "no proposal", "somabus goals"]),
        (f"goal end {ID}", Exit.REFUSED, [ID, "no goal", "somabus goals"]),
        ("goal change nope --title x", Exit.REFUSED, ["'nope'", "no goal", "somabus goals"]),
        (f"goal change {ID}", Exit.USAGE, ["nothing to change", "--title"]),
        ("values missing.md", Exit.USAGE, ["'missing.md'"]),
        ("values .", Exit.USAGE, ["directory"]),
    ],
)
def test_what_cannot_be_done_is_told_and_leaves_the_bus_as_it_is(anna, order, code, words):
    """Each mistake is answered with the value, the rule and the next step; nothing is signed, nor audited."""
    before = (anna.bus / "somabus.json").read_bytes()

    answer = operator(anna, order)

    assert answer.code == code, answer
    assert [word for word in words if word not in answer.err] == []
    assert (anna.bus / "somabus.json").read_bytes() == before
    assert anna("audit", "--json").json["count"] == 1


@pytest.mark.parametrize(
    ("order", "word"),
    [
        (["certify", "planner", "--role", ""], "roles"),
        (["certify", "planner", "--role", "\udcff"], "roles"),
        (["revoke", "planner", "--why", "x" * 201], "why"),
        (["goal", "new", ""], "title"),
        (["goal", "new", "x" * 201], "title"),
        (["goal", "new", "\udcff"], "title"),
        (["goal", "new", "x", "--body", "x" * 100_001], "body"),
        (["policy", "--category", ""], "categories"),
    ],
)
def test_a_text_that_breaks_a_rule_is_refused_by_name(anna, order, word):
    """Empty, too long or not text at all: exit 2, the member at fault is named, nothing is signed."""
    answer = operator(anna, "", *order)

    assert answer.code == Exit.USAGE, answer
    assert answer.err.startswith(f"somabus: {word}")
    assert len(answer.err) < 500
    assert anna("audit", "--json").json["count"] == 1


def test_remove_takes_an_operator_away(anna):
    """An operator who was removed is listed no more; `--json` gives the bus as it holds now."""
    operator(anna, f"add bert {KEY}")

    answer = operator(anna, "remove bert --json")

    assert answer.code == Exit.DONE, answer
    assert [each["name"] for each in answer.json["bus"]["operators"]] == ["anna"]


def test_two_keys_on_one_machine_ask_which(anna):
    """With the keys of two operators on a machine, an act names both and asks for --as; looking does not, nor one who waits to be admitted."""
    bert = operator(anna, "init bert --no-passphrase --json").json
    assert operator(anna, "certify scout").code == Exit.DONE, "bert is no operator yet"
    assert operator(anna, f"add bert {bert['public_key']}").code == Exit.DONE
    unsure = operator(anna, "certify scout")

    sure = operator(anna, "certify scout --as bert --json")

    assert unsure.code == Exit.USAGE
    assert "anna, bert" in unsure.err
    assert "--as NAME" in unsure.err
    assert sure.json["certificate"]["operator"] == "bert"
    assert operator(anna, "list").code == Exit.DONE


def test_without_a_key_nobody_acts(anna, tmp_path, monkeypatch):
    """On a machine without an operator's key every act is exit 2, and the way to get one is told."""
    other_machine(tmp_path, monkeypatch)

    for order in ("certify scout", "revoke scout", "policy --trust open", "goal new x", "rotate", f"add bert {KEY}"):
        answer = operator(anna, order)
        assert answer.code == Exit.USAGE, answer
        assert "somabus operator init" in answer.err


def test_rotate_gives_a_new_key_and_keeps_what_was_signed(anna):
    """After `operator rotate` certificates and goals still count, under the new key."""
    operator(anna, "certify scout")
    operator(anna, "goal new Index")
    before = operator(anna, "list --json").json["bus"]["operators"]

    answer = operator(anna, "rotate --json")

    (after,) = operator(anna, "list --json").json["bus"]["operators"]
    assert answer.json["public_key"] == after["public_key"] != before[0]["public_key"]
    assert trust(anna) == "certified"
    assert [each["title"] for each in anna("goals", "--json").json["active"]] == ["Index"]
    assert anna("audit").code == Exit.DONE


def test_mail_that_waited_through_an_operators_rotation_is_read(anna):
    """P1: an operator's decision that waits while the operator gets a new key is handled, not set aside as forged."""
    asked = anna("ask", "deploy", "--detail", "v3", "--json").json["approval"]
    anna("approve", asked)

    operator(anna, "rotate")

    assert anna("read", "--json").json["from"].startswith("anna #")


# -- whom they trust ----------------------------------------------------------------------------------------------


def trust(shell, agent="scout"):
    """How far the operators' list says that an agent is trusted."""
    found = operator(shell, "list --json").json["agents"]
    return next(each["trust"] for each in found if each["agent"] == agent)


def test_certify_takes_the_key_that_was_compared(anna):
    """`--expect` with what the agent's machine shows, with or without #, certifies, for as long and as what is said."""
    expect = anna("status", "--json").json["short"]

    made = operator(anna, f"certify scout --expect #{expect} --days 3 --role lead --role scribe --json")

    assert made.code == Exit.DONE, made
    there = made.json["certificate"]
    assert (there["agent"], there["operator"], there["roles"]) == ("scout", "anna", ["lead", "scribe"])
    assert trust(anna) == "certified"
    assert f"{there['not_after'][:10]}" in operator(anna, "list").out


def test_certify_reminds_of_comparing_the_key(anna):
    """Without --expect the answer says how to compare the key; with it, it was."""
    assert "somabus join" in operator(anna, "certify scout").out
    assert "somabus join" not in operator(anna, f"certify scout --expect {short(anna)}").out


def test_certify_for_the_operators_name_is_refused(anna):
    """An operator needs no certificate, and gets none: exit 5."""
    assert operator(anna, "certify anna").code == Exit.REFUSED


def test_a_revoked_agent_is_not_certified_again(anna):
    """Once called back, a key is certified no more: exit 5, the key is named, and what the agent must do."""
    revoked = operator(anna, "revoke planner --why stolen --json")

    answer = operator(anna, "certify planner")

    assert revoked.json["revoked"][0]["why"] == "stolen"
    assert answer.code == Exit.REFUSED
    assert "was revoked" in answer.err
    assert "planner must join with a new one" in answer.err
    assert trust(anna, "planner") == "revoked"


def test_revoking_twice_is_told(anna):
    """Calling back what was called back before changes nothing and says the same: whoever was cut off types it again."""
    operator(anna, "revoke planner")
    before = (anna.bus / "operator" / "revocations.json").read_bytes()

    answer = operator(anna, "revoke planner")

    assert (answer.code, "counts no more" in answer.out) == (Exit.DONE, True)
    assert (anna.bus / "operator" / "revocations.json").read_bytes() == before


def test_the_policy_says_who_falls_silent(anna):
    """Going over to `certified` names those who are not certified, for people and for programs."""
    operator(anna, "certify scout")

    answer = operator(anna, "policy --trust certified --json")

    assert answer.json["uncertified"] == ["planner"]
    assert answer.json["bus"]["policy"]["trust"] == "certified"
    assert "not acted upon: planner" in operator(anna, "policy --hop-limit 5").out


def test_under_certified_an_agent_without_a_certificate_reads_no_goals(anna):
    """Who is not certified is told so, and what an operator types: exit 5."""
    operator(anna, "policy --trust certified")

    answer = anna("goals")

    assert answer.code == Exit.REFUSED
    assert "somabus operator certify scout" in answer.err


def test_an_agents_new_key_is_granted_with_the_line_it_prints(anna):
    """`somabus rotate` prints the command for the operator; typed as it stands, the agent has its new key."""
    operator(anna, "certify scout")
    asked = anna("rotate")
    line = re.search(r"somabus (operator certify scout --expect \w{8})", asked.out)

    assert line, asked
    assert anna(*line[1].split()).code == Exit.DONE
    assert anna("status", "--json").json["short"] == line[1].split()[-1]


def test_the_list_gives_programs_every_key_in_full(anna):
    """`operator list --json` has all operators, the policy, and each agent's key, in full and short."""
    operator(anna, "certify scout")

    answer = operator(anna, "list --json").json

    scout = next(each for each in answer["agents"] if each["agent"] == "scout")
    assert scout["public_keys"] == [scout["certificate"]["public_key"]]
    assert scout["short"] == anna("status", "--json").json["short"]
    assert answer["bus"]["policy"]["categories"] == ["general"]


# -- what it is all for -------------------------------------------------------------------------------------------


def new_goal(shell, title="Index the archive"):
    """Make a goal and return its id."""
    return operator(shell, "goal new --json", title).json["goal"]["id"]


def test_a_goal_lives_from_proposal_to_end(anna):
    """Proposed by an agent, accepted, changed and ended by a human, each by the end of its id."""
    proposed = anna("propose", "More tea", "--json").json["proposal"]["id"]
    assert [each["id"] for each in anna("goals", "--json").json["proposed"]] == [proposed]

    accepted = operator(anna, f"goal accept {proposed[-12:]} --json").json["goal"]
    changed = operator(anna, f"goal change {proposed[-12:]} --body", "Green.", "--json").json["goal"]
    ended = operator(anna, f"goal end {proposed[-12:]} --json").json["goal"]

    assert (accepted["title"], accepted["proposed_by"], accepted["state"]) == ("More tea", "scout", "active")
    assert (changed["title"], changed["body"]) == ("More tea", "Green.")
    assert (ended["state"], ended["version"]) == ("ended", 3)
    assert [each["id"] for each in anna("goals", "--json").json["ended"]] == [proposed]


def test_a_goal_that_agents_work_on_is_found_by_the_end_of_its_id(anna):
    """Who works on a goal leaves a folder beside it; its short id is still the id of one goal."""
    goal = new_goal(anna)
    anna("work-on", goal[-12:], "the SMB part")

    assert operator(anna, f"goal change {goal[-12:]} --title Soon").code == Exit.DONE
    assert operator(anna, f"goal end {goal[-12:]}").code == Exit.DONE


@pytest.mark.parametrize("ending", ["", " "])
@pytest.mark.parametrize("order", [["operator", "goal", "end"], ["operator", "goal", "accept"], ["work-on"]])
def test_no_ending_is_no_goal(anna, order, ending):
    """A variable that was not set ends no goal, although every id ends with nothing: exit 5."""
    new_goal(anna)
    anna("propose", "More tea")

    answer = anna(*order, ending, *(["x"] if order == ["work-on"] else []))

    assert answer.code == Exit.REFUSED
    assert len(anna("goals", "--json").json["active"]) == 1


@pytest.mark.parametrize("order", [["operator", "goal", "end"], ["work-on"]])
def test_an_ending_of_two_ids_is_of_neither(anna, order):
    """Of an ending that two goals share, both are shown in full, and nothing is done: exit 2."""
    goals = [new_goal(anna) for _ in range(17)]  # of 17 ids, two end with the same of 16 digits
    digit = next(each for each in "0123456789abcdef" if sum(goal.endswith(each) for goal in goals) > 1)
    twins = [goal for goal in goals if goal.endswith(digit)]

    answer = anna(*order, digit, *(["x"] if order == ["work-on"] else []))

    assert answer.code == Exit.USAGE
    assert f"'{digit}' is the end of {len(twins)} ids" in answer.err
    assert sum(goal in answer.err for goal in twins) == min(3, len(twins))


def test_a_goal_that_has_ended_stays_so(anna):
    """An ended goal is not changed any more: exit 2; ending it again says the same; and nobody works on it: exit 5."""
    goal = new_goal(anna)
    ended = operator(anna, f"goal end {goal}")

    answer = operator(anna, "goal change --title x", goal)

    assert answer.code == Exit.USAGE
    assert "a goal that is ended cannot" in answer.err
    assert operator(anna, f"goal end {goal}").out == ended.out
    assert anna("work-on", goal, "x").code == Exit.REFUSED


def test_who_else_works_on_a_goal_is_told(anna):
    """`work` says who else is at it and how far; `goals` shows it to all, with whole ids for programs."""
    goal = new_goal(anna)
    anna("work-on", goal[-12:], "the SMB part", "--progress", "40", "--agent", "planner")

    answer = anna("work-on", goal[-12:], "the NFS part", "--json")

    assert answer.json["goal"] == goal
    assert [(each["agent"], each["doing"], each["progress"]) for each in answer.json["others"]] == [
        ("planner", "the SMB part", 0.4)
    ]
    assert {each["agent"] for each in anna("goals", "--json").json["workers"][goal]} == {"planner", "scout"}
    assert "planner 40%, scout" in anna("goals").out


def test_the_values_are_read_by_agents(anna):
    """What a file says becomes values.md, signed; `goals --values` prints it, and a second file is version 2."""
    values = anna.bus.parent / "values.md"
    values.write_text("# Be kind\n")
    operator(anna, "values values.md")
    values.write_text("# Be kind\n\nAlways.\n")

    answer = operator(anna, "values values.md --json")

    assert (answer.json["values"]["version"], answer.json["values"]["operator"]) == (2, "anna")
    assert anna("goals", "--values", "--json").json["values"] == "# Be kind\n\nAlways."
    assert "# Be kind\n\nAlways.\nunread 0\n" in anna("goals", "--values").out


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (b"\xff\xfe", Exit.USAGE, ["values.md is no text in UTF-8"]),
        (b"x" * 200_001, Exit.REFUSED, ["200,001 bytes", "the limit is 200,000"]),
    ],
)
def test_values_that_cannot_be_written_are_refused(anna, text, code, words):
    """A file that is no UTF-8, or too long, is refused with the fact, and the bus has no values."""
    (anna.bus.parent / "values.md").write_bytes(text)

    answer = operator(anna, "values values.md")

    assert answer.code == code, answer
    assert [word for word in words if word not in answer.err] == []
    assert not (anna.bus / "values.md").exists()


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_foreign_text_about_goals_does_not_act_on_the_terminal(anna, text):
    """What agents propose and do reaches the human's terminal without a control character, one row each."""
    text = f"{text}\nanna"
    proposed = anna("propose", text, "--json").json["proposal"]["id"]
    goal = new_goal(anna)
    anna("work-on", goal, text, "--agent", "planner")

    told = [anna("goals"), operator(anna, f"goal accept {proposed}"), anna("work-on", goal, "x"), anna("audit")]

    assert controls("".join(each.out for each in told)) == []
    assert "\nanna" not in "".join(each.out for each in told[:3])


def test_the_promise_that_an_agent_reads_what_the_operator_typed(anna, tmp_path):
    """From the command line to the Python surface: an agent script sees the goals and values that humans signed."""
    goal = new_goal(anna)

    agent = Agent("scout", anna.bus)

    assert [each.id for each in agent.goals()] == [goal]
