"""The exit codes: a script that calls somabus tells by the number whose turn it is."""

import json
import os
import shutil
from pathlib import Path

import pytest

from somabus import Agent
from somabus.cli.output import Exit
from somabus.store.directory import DirectoryStore
from tests.lying import lying
from tests.surfaces.conftest import machine, on_a_bus
from tests.surfaces.shell import ID

BAD_NAMES = [
    "../up",
    "c:",
    "a/b",
    "a\\b",
    "two\nlines",
    "x" * 300,
    "con",
    "com1.txt",
    "Scout",
    ".hidden",
    "a.",
    "é",
    "a b",
]
BAD_SPANS = ["1", "x", "6h5", "-1h", "0s", "99999999d", "1e3s", "1.5.2h", "inf"]
NO_ID = ["nope", "../../etc/passwd", "x" * 300, "01a1f9de", ID.upper(), f"{ID}\n"]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """A shell on a bus for what is refused: whatever is typed there, the bus stays as it is."""
    with pytest.MonkeyPatch.context() as patch:
        machine(tmp_path_factory.mktemp("quiet"), patch)
        yield on_a_bus(patch)


@pytest.fixture
def calm(quiet):
    """The quiet bus; a test fails if anything on it is made, moved or removed."""
    before = lying(quiet.bus)
    yield quiet
    assert lying(quiet.bus) == before


@pytest.mark.parametrize("order", ["inbox", "read", "read --keep", "dead"])
def test_nothing_waits_is_three(calm, order):
    """P5: an empty answer is exit 3 and says so in words; it is no error."""
    answer = calm(*order.split())

    assert answer.code == Exit.NOTHING, answer
    assert answer.out.startswith(("nothing waits", "no dead letters"))
    assert answer.err == ""


@pytest.mark.parametrize("order", [f"trace planner {ID}", "read nope", f"read {ID}"])
def test_a_message_that_is_not_there_is_three(calm, order):
    """Asking for one message that is not there is an answer, not an error."""
    assert calm(*order.split()).code == Exit.NOTHING


@pytest.mark.parametrize("order", ["send", "send planner hi --priority up", "nosuch", "inbox --limit 0"])
def test_wrong_usage_is_json_too(calm, order):
    """A program that asked for JSON gets JSON, whatever it did wrong."""
    answer = calm("--json", *order.split())

    assert answer.code == Exit.USAGE
    assert json.loads(answer.err)["exit"] == 2


def test_an_unknown_recipient_is_refused_with_the_nearest_name(calm):
    """P8: a misspelt recipient is exit 5, names whom you may have meant, and nothing is sent."""
    answer = calm("send", "planer", "hi")

    assert answer.code == Exit.REFUSED
    assert "did you mean planner?" in answer.err
    assert "nothing was sent" in answer.err


@pytest.mark.parametrize("thing", ["folder", "file"])
def test_a_stray_thing_in_the_registry_is_no_recipient(team, thing):
    """P8: who has no card has not joined; nobody writes to a file that somebody left in registry/."""
    stray = team.bus / "registry" / "ghost"
    stray.mkdir() if thing == "folder" else stray.touch()

    assert team("send", "ghost", "hi").code == Exit.REFUSED


def test_a_name_that_another_key_owns_is_refused(team, tmp_path, monkeypatch):
    """P7: from a machine without the agent's key nobody joins under its name: exit 5, and the owner's key is told."""
    owner = team("status", "--json").json["short"]
    monkeypatch.setenv("SOMABUS_HOME", str(tmp_path / "another machine"))

    answer = team("join", "scout")

    assert answer.code == Exit.REFUSED
    assert f"#{owner}" in answer.err


@pytest.mark.parametrize("order", ["inbox", "send planner hi", "beat", "sweep"])
def test_a_machine_without_the_key_is_refused_and_left_as_it_is(team, order, tmp_path, monkeypatch):
    """P7: where the agent's key does not lie nobody acts under its name: exit 5, the home is named, no key is made."""
    home = tmp_path / "another machine"
    monkeypatch.setenv("SOMABUS_HOME", str(home))

    answer = team(*order.split())

    assert answer.code == Exit.REFUSED
    assert f"no key of 'scout' for this bus lies in {home}" in answer.err
    assert not home.exists()


@pytest.mark.parametrize(
    ("order", "word"),
    [
        (["--kind", "Two Words"], "kind"),
        (["--kind", "insight"], "data.topic"),
        (["--kind", "alert", "--data", '{"component": "c", "severity": "bad", "detail": "d"}'], "data.severity"),
        (["--kind", "answer"], "reply_to"),
        (["--kind", "brief"], "arc"),
        (["--subject", "x" * 201], "subject"),
        (["--reply-to", ID], "reply_to"),
        (["--reply-to", "nope"], "reply_to"),
        (["--key", ""], "key"),
        (["--key", "x" * 201], "key"),
    ],
)
def test_a_message_that_breaks_a_rule_is_refused_by_name_of_the_member(calm, order, word):
    """A message that no reader would take is exit 5, names the member at fault, and is not sent."""
    answer = calm("send", "planner", "hi", *order)

    assert answer.code == Exit.REFUSED, answer
    assert word in answer.err


def test_a_message_that_is_too_large_is_refused_with_its_size(calm):
    """Over 256 KiB is exit 5; size, limit and a way out are told."""
    answer = calm("send", "planner", "-", stdin="x" * 300_000)

    assert answer.code == Exit.REFUSED
    assert "the limit is 262,016" in answer.err


@pytest.mark.parametrize("order", [f"dead --replay {ID}", f"reply {ID} hi"])
def test_replaying_or_answering_what_is_not_there_is_refused(calm, order):
    """An id that is not there is never exit 4: we did look."""
    answer = calm(*order.split())

    assert answer.code == Exit.REFUSED, answer
    assert "somabus" in answer.err


def test_withdrawing_what_is_not_there_is_refused(calm):
    """`withdraw` exits 0 only if the message was taken back."""
    assert calm("withdraw", "planner", ID).code == Exit.REFUSED


@pytest.mark.parametrize(
    ("order", "given"),
    [
        ("trace planner", NO_ID[0]),
        *(("trace planner", each) for each in NO_ID[1:]),
        *(("withdraw planner", each) for each in NO_ID[:3]),
        *(("withdraw planner", each) for each in NO_ID[3:]),
        *(("reply", each) for each in NO_ID[:3]),
        *(("reply", each) for each in NO_ID[3:5]),
        ("reply", NO_ID[5]),
    ],
    ids=lambda given: ascii(given[:20]),
)
def test_what_is_no_id_is_answered_in_a_sentence(calm, order, given):
    """Anything may stand where an id belongs: the answer is a sentence and a documented exit code, no traceback."""
    answer = calm(*order.split(), given)

    assert answer.code in (Exit.NOTHING, Exit.REFUSED, Exit.USAGE), answer


@pytest.mark.parametrize("given", NO_ID, ids=lambda given: ascii(given[:20]))
def test_superseding_what_is_no_id_sends_nothing(team, given):
    """An order that is to replace another one is not sent beside it because the id was mistyped."""
    answer = team("send", "planner", "hi", "--supersedes", given)

    assert answer.code in (Exit.REFUSED, Exit.USAGE), answer
    assert team.mail() == []


def test_superseding_what_cannot_be_taken_back_is_told(team):
    """P9: if the message to be replaced was handled already, the sender is told in words."""
    old = team.send("go left")
    team("read", "--agent", "planner")

    answer = team("send", "planner", "go right", "--supersedes", old)

    assert answer.code == Exit.DONE
    assert "go left" in answer.out or old in answer.out


@pytest.mark.parametrize("data", ["{", "", "[1]", "null", "3", '"text"', "{'n': 3}"])
def test_data_that_is_no_json_object_is_wrong_usage(calm, data):
    """--data takes a JSON object; anything else is exit 2, quotes what was given or says what is needed."""
    answer = calm("send", "planner", "hi", "--data", data)

    assert answer.code == Exit.USAGE, answer
    assert "--data" in answer.err


@pytest.mark.parametrize(
    "data",
    [
        '{"n": NaN}',
        '{"n": Infinity}',
        '{"n": 1, "n": 2}',
    ],
)
def test_data_arrives_as_given_or_is_refused(team, data):
    """What JSON has no word for is refused; nothing is changed or lost in silence."""
    assert team("send", "planner", "hi", "--data", data).code != Exit.DONE


@pytest.mark.parametrize("order", ["inbox", "send planner hi", "beat", "verify"])
def test_no_bus_is_wrong_usage_and_says_the_three_ways_to_name_one(shell, order):
    """Without a bus: exit 2, and the answer says how to name one: option, environment, file."""
    answer = shell(*order.split(), "--agent", "scout")

    assert answer.code == Exit.USAGE
    for word in ("--bus", "SOMABUS_BUS", "somabus.toml"):
        assert word in answer.err


@pytest.mark.parametrize("order", ["inbox", "send planner hi", "beat", "join"])
def test_no_agent_is_wrong_usage_and_says_the_three_ways_to_name_one(team, order, monkeypatch):
    """Without a name: exit 2, and the answer says how to give one."""
    monkeypatch.delenv("SOMABUS_AGENT")

    answer = team(*order.split())

    assert answer.code == Exit.USAGE
    for word in ("--agent", "SOMABUS_AGENT", "somabus.toml"):
        assert word in answer.err


def test_verify_on_a_folder_that_is_no_bus_says_so(shell, tmp_path):
    """A wrong path is the user's turn, not the drive's."""
    assert shell("verify", str(tmp_path)).code == Exit.USAGE


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_a_bad_name_is_wrong_usage_and_the_rule_is_told(calm, name):
    """No name leaves the tree, differs by case only or is a device of Windows: exit 2, with the rule, in one line."""
    answer = calm("join", name)

    assert answer.code == Exit.USAGE, answer
    assert "is no valid name" in answer.err
    assert len(answer.err) < 500
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize("name", BAD_NAMES[::2], ids=ascii)
def test_a_bad_name_is_no_recipient(calm, name):
    """Mail to a name that nobody can have is exit 5, and makes no folder anywhere."""
    answer = calm("send", name, "hi")

    assert answer.code == Exit.REFUSED
    assert answer.err.count("\n") == 1


def test_an_empty_name_is_wrong_usage(calm):
    """`join ""` is a variable that was not set, and refused."""
    assert calm("join", "").code == Exit.USAGE


@pytest.mark.parametrize(
    ("order", "span"),
    [
        *(("send planner hi --expires", span) for span in BAD_SPANS),
        *((order, "6") for order in ("send planner hi --not-before", "beat --lease", "join --every", "run --every")),
    ],
)
def test_a_bad_duration_is_wrong_usage_and_examples_are_given(calm, order, span):
    """A duration without a unit, of nothing or of a lifetime is exit 2, and the answer shows how to write one."""
    answer = calm(*order.split(), span)

    assert answer.code == Exit.USAGE, answer
    assert "6h" in answer.err


def test_an_empty_expiry_is_wrong_usage(team):
    """P9: who asks for an expiry gets one or an error."""
    assert team("send", "planner", "hi", "--expires", "").code == Exit.USAGE


@pytest.mark.parametrize("cron", ["* * *", "99 * * * *", "a b c d e"])
def test_a_bad_cron_expression_is_wrong_usage(calm, cron):
    """A cadence that is no cron expression is exit 2 and leaves the card as it was."""
    answer = calm("join", "--every", cron)

    assert answer.code == Exit.USAGE
    assert "0 */6 * * *" in answer.err


@pytest.mark.parametrize(
    "order",
    ["send", "send planner hi --priority up", "nosuch", "inbox --limit 0", "inbox --limit x",
     "share a b --confidence 2",
     "verify /does/not/exist", "init bus2 --hop-limit 0", "inbox --colour"],
)  # fmt: skip
def test_what_the_help_does_not_have_is_wrong_usage(calm, order):
    """Missing and unknown arguments are exit 2, with the way to the help."""
    answer = calm(*order.split())

    assert answer.code == Exit.USAGE
    assert "Try 'somabus" in answer.err


def test_a_home_on_the_shared_drive_is_refused(team, monkeypatch):
    """P7: private keys on the drive would be everybody's: exit 2, and no key is made."""
    monkeypatch.setenv("SOMABUS_HOME", str(team.bus / "home"))

    answer = team("join", "newcomer")

    assert answer.code == Exit.USAGE
    assert "SOMABUS_HOME" in answer.err
    assert not (team.bus / "home").exists()


def test_a_key_that_others_can_read_is_refused(team, tmp_path):
    """P7: a private key that is not private is not used: exit 2, with the command that repairs it."""
    (key,) = (tmp_path / "home").glob("buses/*/scout/key")
    key.chmod(0o644)

    answer = team("inbox")

    assert answer.code == Exit.USAGE
    assert f"chmod 600 {key}" in answer.err


def test_a_step_of_a_beat_that_fails_is_six_and_the_rest_still_ran(team):
    """A damaged outbox fails one step: exit 6, that step says why, the others ran, and the heartbeat was written."""
    team("learn", "smb", "links hold")
    (team.bus / "messages" / "scout").mkdir(parents=True)
    (team.bus / "messages" / "scout" / "outbox").touch()

    answer = team("beat", "--json")

    assert answer.code == Exit.UNWELL
    failed = [step["name"] for step in answer.json["steps"] if not step["ok"]]
    assert failed == ["share learnings"]
    assert (team.bus / "registry" / "scout" / "heartbeat.json").exists()


def test_a_damaged_bus_file_is_six(team):
    """What needs a person is exit 6, and the answer names the command to look with; who knew the bus goes on."""
    (team.bus / "somabus.json").write_text("{")

    known = team("inbox")
    shutil.rmtree(Path(os.environ["SOMABUS_HOME"]) / "places")
    answer = team("inbox")

    assert known.code == Exit.NOTHING
    assert answer.code == Exit.UNWELL
    assert "somabus verify" in answer.err


def test_two_beats_of_one_agent_do_not_overlap(team, tmp_path):
    """P11: while one beat runs on this machine, a second one does nothing and exits 7."""
    team.send("for the beat that runs", to="scout")
    (home,) = (tmp_path / "home").glob("buses/*/scout")

    with DirectoryStore(str(home), writer="test", private=True).lock("beat") as mine:
        answer = team("beat", "--json")

    assert mine
    assert answer.code == Exit.BUSY, answer
    assert answer.json["outcome"] == "busy"
    assert len(team.mail("scout")) == 1


def test_a_beat_that_runs_elsewhere_is_waited_for(team, tmp_path):
    """P11: while the agent's beat runs on another machine with the same key, a beat with work to do exits 7."""
    team.send("for the beat that runs", to="scout")
    elsewhere = Agent("scout", team.bus, home=tmp_path / "home")
    elsewhere._services.parts.leases._holder = "another machine 1"

    with elsewhere.lease("beat.scout"):
        answer = team("beat")

    assert answer.code == Exit.BUSY, answer
    assert "another machine 1" in answer.out
    assert len(team.mail("scout")) == 1


@pytest.mark.parametrize("order", ["send planner hi", "beat", "share smb x", "read", "withdraw planner nope"])
def test_what_a_human_stopped_is_eight(team, order):
    """P12: under a stop an act is exit 8, for programs too, and what waits goes on waiting."""
    team.send("hello", to="scout")
    (team.bus / "STOP").touch()

    answer = team(*order.split(), "--json")

    assert answer.code == Exit.HELD, answer
    assert len(team.mail("scout")) == 1
    assert team.mail("planner") == []


def test_the_codes_are_the_documented_ones():
    """Scripts test for these numbers: they do not change."""
    assert {each.name: each.value for each in Exit} == {
        "DONE": 0, "BUG": 1, "USAGE": 2, "NOTHING": 3, "AWAY": 4, "REFUSED": 5, "UNWELL": 6, "BUSY": 7,
        "HELD": 8, "STOPPED": 130,
    }  # fmt: skip
