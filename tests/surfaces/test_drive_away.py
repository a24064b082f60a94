"""The drive goes away and comes back: what is said meanwhile, what still works, and that nothing is lost.

A command waits two seconds for a drive that is away, so all of them are run once, at the same time, and looked at here.
"""

import json
import shutil
from dataclasses import dataclass

import pytest

from somabus import Agent
from somabus.cli.output import Exit
from tests.surfaces.conftest import machine, on_a_bus
from tests.surfaces.shell import ID, Answer, at_once

LOOKING = ["inbox", "due", "beat", "verify", f"trace planner {ID}", "send planner hi"]
MOUNTED = ["inbox", "beat", "send planner hi"]
LOCAL = ["learn smb x", "send planner hello --spool --json"]
TYPING = ["--bus typo join scout", "--bus plain join scout"]


@dataclass(frozen=True)
class Outage:
    """What was answered while the folder was gone, and at an empty mount point; and what came afterwards."""

    gone: dict[str, Answer]
    mounted: dict[str, Answer]
    left: list[str]
    init: Answer
    traced: Answer
    beat: Answer
    mail: list[str]
    kept: str
    typos: list[str]


@pytest.fixture(scope="module")
def outage(tmp_path_factory):
    """Play an outage, once."""
    with pytest.MonkeyPatch.context() as patch:
        work = machine(tmp_path_factory.mktemp("outage"), patch)
        team = on_a_bus(patch)
        scout, second, plain = Agent("scout", team.bus), work / "second", work / "plain"
        team("init", str(second))
        for name in ("planner", "scout"):
            team("--bus", str(second), "join", name)

        away = team.bus.rename(work / "away")
        shutil.rmtree(second)
        for empty in (second, plain):
            empty.mkdir()
        kept = scout.send("planner", "kept", spool=True).id
        asked = [*LOOKING, *LOCAL, "inbox --json", f"trace planner {kept} --json", *TYPING]
        answers = at_once([*asked, *(f"--bus {second} {each}" for each in MOUNTED)])
        left = sorted(str(path) for path in second.rglob("*"))
        init = team("init", str(second))

        away.rename(team.bus)
        beat = team("beat", "--json")
        return Outage(
            gone={order: answers[order] for order in asked},
            mounted={order: answers[f"--bus {second} {order}"] for order in MOUNTED},
            left=left,
            init=init,
            traced=answers[f"trace planner {kept} --json"],
            beat=beat,
            mail=[path.name[2:38] for path in team.mail()],
            kept=kept,
            typos=[*map(str, plain.rglob("*")), *map(str, work.glob("typo"))],
        )


@pytest.mark.parametrize("order", LOOKING)
def test_could_not_look_is_four(outage, order):
    """P5: while the drive is away, no command says that nothing is there: it exits 4 and could not look."""
    answer = outage.gone[order]

    assert answer.code == Exit.AWAY, answer
    assert "could not look" in answer.err + answer.out
    assert "nothing waits" not in answer.out


@pytest.mark.parametrize("order", MOUNTED)
def test_an_empty_mount_point_is_four(outage, order):
    """A drive that went away leaves an empty folder: nobody calls it an empty bus."""
    assert outage.mounted[order].code == Exit.AWAY, outage.mounted[order]


def test_nothing_is_written_into_an_empty_mount_point(outage):
    """P1: no mail goes into the hole where the drive was."""
    assert outage.left == []


def test_init_makes_no_second_bus_where_one_went_away(outage):
    """`init` at a path where this machine knows a bus is refused: the drive is away, mail would be lost in the hole."""
    assert outage.init.code != Exit.DONE


@pytest.mark.parametrize("order", LOCAL)
def test_what_needs_this_machine_only_works(outage, order):
    """Noting an insight and spooling a message are done while the drive is away."""
    assert outage.gone[order].code == Exit.DONE, outage.gone[order]


def test_the_receipt_of_a_spooled_message_says_so(outage):
    """Who spools is not told that the message has arrived."""
    assert outage.gone[LOCAL[1]].json["receipt"]["spooled"] is True


def test_a_spooled_message_is_traced_to_this_machine(outage):
    """`trace` says that the message waits here, while the drive is away."""
    assert outage.traced.json["trace"]["state"] == "spooled"


def test_the_next_beat_delivers_what_was_spooled_and_noted(outage):
    """When the drive is back, the next beat delivers the mail under its ids, oldest first, and shares the insight."""
    assert outage.beat.json["outcome"] == "ok"
    assert outage.beat.json["posted"] == 1
    assert outage.beat.json["spooled"] == 0
    assert outage.mail == [outage.kept, outage.gone[LOCAL[1]].json["receipt"]["id"]]


def test_the_report_of_a_beat_says_unknown_and_not_zero(outage):
    """P5: the beat that could not look does not report an empty inbox."""
    assert "unread unknown" in outage.gone["beat"].out


def test_the_reason_is_json_too(outage):
    """With --json an error is one JSON object on stderr, with its class and its exit code; stdout stays empty."""
    answer = outage.gone["inbox --json"]

    told = json.loads(answer.err)
    assert answer.out == ""
    assert (told["error"], told["exit"]) == ("StoreUnavailableError", 4)


@pytest.mark.parametrize("place", ["typo", "plain"])
def test_a_path_that_never_was_a_bus_is_refused(outage, place):
    """Joining where there is no bus, folder or not, is exit 2, and the answer says how to make one."""
    (answer,) = [answer for order, answer in outage.gone.items() if f"{place} join" in order]

    assert answer.code == Exit.USAGE
    assert "holds no somabus.json" in answer.err
    assert f"{place}'\n" in answer.err


def test_a_path_that_never_was_a_bus_stays_as_it_is(outage):
    """A mistyped path makes no folder, and a folder that is no bus gets no file."""
    assert outage.typos == []
