"""P7, P12 with the permissions of docs/security.md: real users of one drive, who cannot take away or change what is another's. Needs root."""

import json
import os
import shutil
import tempfile
import traceback
from pathlib import Path

import pytest

from somabus import Agent, create_bus
from somabus.desk import Desk
from somabus.errors import NotApprovedError, StoppedError, StoreRefusedError
from somabus.model.bus import BUS_FILE
from somabus.model.stop import Range, Scope
from somabus.operator import agents, direction, oversight, people

pytestmark = pytest.mark.lab
ANNA, SCOUT, PLANNER = 61001, 61002, 61003
WHOLE = Scope(Range.BUS)


def act_as(uid, act):
    """Run a function in a process of that user, and return what it returns; what it raises is raised here."""
    answers, ours = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            os.umask(0o022)
            said = {"returned": act()}
        except BaseException:  # noqa: BLE001 - a process of its own: whatever it is, it is told
            said = {"raised": traceback.format_exc()}
        with os.fdopen(ours, "w") as out:
            json.dump(said, out, default=str)
        os._exit(0)
    os.close(ours)
    with os.fdopen(answers) as answer:
        said = json.load(answer)
    os.waitpid(child, 0)
    assert "raised" not in said, said["raised"]
    return said["returned"]


class Drive:
    """A bus prepared as docs/security.md says, with a home for each user."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bus = root / "bus"
        self.homes = {uid: root / f"home-{uid}" for uid in (ANNA, SCOUT, PLANNER)}
        for uid, home in self.homes.items():
            home.mkdir(mode=0o700)
            os.chown(home, uid, uid)
        self.folder("", ANNA, 0o1777)
        self.folder("registry", ANNA, 0o1777)
        self.folder("messages", ANNA, 0o1777)
        self.folder("operator", ANNA, 0o755)
        for name, owner in (("scout", SCOUT), ("planner", PLANNER)):
            self.folder(f"registry/{name}", owner, 0o1775)
            self.folder(f"messages/{name}", owner, 0o755)
            self.folder(f"messages/{name}/inbox", owner, 0o1777)
            self.folder(f"messages/{name}/later", owner, 0o1777)

    def folder(self, name: str, uid: int, mode: int) -> None:
        """What `install -d -o … -g … -m …` does."""
        path = self.bus / name
        path.mkdir()
        os.chown(path, uid, ANNA if mode == 0o1775 else uid)
        path.chmod(mode)

    def agent(self, name: str) -> Agent:
        return Agent(name, self.bus, home=self.homes[SCOUT if name == "scout" else PLANNER])

    def seat(self):
        return Desk(self.bus, home=self.homes[ANNA]).sit(lambda: "")


@pytest.fixture
def drive():
    """A drive for users who are not root: the folders of pytest are root's alone."""
    root = Path(tempfile.mkdtemp(prefix="somabus-lab-"))
    root.chmod(0o755)
    yield Drive(root)
    shutil.rmtree(root)


@pytest.fixture
def team(drive, tmp_path):
    """The operator anna, and scout and planner certified by her, each under a user of its own."""
    # What is imported late is imported here: the interpreter's files may be root's alone.
    create_bus(tmp_path / "warm")
    Agent("warm", tmp_path / "warm", home=tmp_path / "home").beat()
    Desk(tmp_path / "warm", home=tmp_path / "home").new_key("warm", None)

    def begin():
        create_bus(drive.bus, home=drive.homes[ANNA])
        desk = Desk(drive.bus, home=drive.homes[ANNA])
        desk.new_key("anna", None)
        people.found(desk.sit(lambda: ""))

    act_as(ANNA, begin)
    for name, uid in (("scout", SCOUT), ("planner", PLANNER)):
        act_as(uid, lambda name=name: drive.agent(name).short)
        act_as(ANNA, lambda name=name: agents.certify(drive.seat(), name).agent)
    act_as(ANNA, lambda: people.set_policy(drive.seat(), trust="certified").version)
    return drive


def test_everybody_can_do_their_work(team):
    """Under the permissions of docs/security.md mail, beats, insights, goals, approvals and STOP work, each under its own user."""
    goal = act_as(ANNA, lambda: direction.new_goal(team.seat(), "a goal", "").id)
    asked = act_as(SCOUT, lambda: team.agent("scout").ask_approval("deploy", detail="v3").id)
    act_as(ANNA, lambda: oversight.answer(team.seat(), asked, "", granted=True).state)

    def work():
        scout = team.agent("scout")
        assert [delivery.message.kind for delivery in scout.inbox.drain() if delivery.ack() is None] == ["decision"]
        assert scout.approval(asked).state == "granted"
        scout.work_on(goal, "the first half")
        scout.learn("drives", "the sticky bit holds", 0.9)
        scout.send("planner", "hello")
        return str(scout.beat().outcome)

    def rest():
        planner = team.agent("planner")
        with planner.lease("deploy"):
            others = planner.work_on(goal, "the second half")
        report = planner.beat()
        return (
            [each.agent for each in others],
            report.handled + report.unread,
            [each["topic"] for each in report.learned],
        )

    assert act_as(SCOUT, work) == "ok"
    assert act_as(PLANNER, rest) == [["scout"], 1, ["drives"]]
    assert act_as(ANNA, lambda: [each.fault for each in team.seat().audit.check() if each.fault]) == []


def test_nobody_can_take_away_or_change_what_is_anothers(team):
    """A user of the drive can add; it cannot remove or change the policy, a card, a heartbeat, a goal, an audit entry, a stop, another's mail."""
    goal = act_as(ANNA, lambda: direction.new_goal(team.seat(), "a goal", "").id)
    act_as(PLANNER, lambda: team.agent("planner").beat().number)
    act_as(PLANNER, lambda: team.agent("planner").send("scout", "for scout").id)
    act_as(ANNA, lambda: oversight.stop(team.seat(), WHOLE, "a fire").why)
    (mail,) = (team.bus / "messages/scout/inbox").glob("*.json")
    mine = [BUS_FILE, "STOP", "registry/planner/card.json", "registry/planner/heartbeat.json", f"goals/{goal}.json",
            "registry/planner/certificate.json", "operator/revocations.json", "audit/0000000/0000000001.json"]  # fmt: skip

    def attack():
        done = []
        for path in [*(team.bus / name for name in mine), team.bus / "messages/planner/done"]:
            for deed in (os.unlink, lambda each: Path(each).write_text("x"), lambda each: os.rename(each, f"{each}x")):
                try:
                    deed(path)
                except OSError:
                    continue
                done.append(str(path))
        return done

    assert act_as(SCOUT, attack) == []
    other = team.bus / "messages/planner/inbox/planted.json"
    act_as(SCOUT, other.touch)
    assert act_as(ANNA, lambda: _refused(mail.unlink)) is True, "not even the operator's user removes another's mail"


def test_a_stop_by_anybody_stops_and_only_its_maker_or_the_owner_can_take_it_away(team):
    """Whoever may write may stop; the operator's resume removes a stop that another user made."""
    act_as(SCOUT, (team.bus / "STOP").touch)

    assert act_as(PLANNER, lambda: _raised(lambda: team.agent("planner").send("scout", "x"))) == "StoppedError"
    assert act_as(PLANNER, lambda: _refused((team.bus / "STOP").unlink)) is True
    act_as(ANNA, lambda: len(oversight.resume(team.seat(), WHOLE, "")))
    assert act_as(PLANNER, lambda: team.agent("planner").send("scout", "x").duplicate) is False


def test_a_sender_cannot_withdraw_and_is_told(team):
    """What these permissions take from a sender, it is told: the drive refuses; the message stays."""
    said = act_as(
        SCOUT,
        lambda: _raised(lambda: (scout := team.agent("scout")).withdraw(scout.send("planner", "x"))),
    )

    assert said == "StoreRefusedError"


def _refused(deed):
    try:
        deed()
    except OSError:
        return True
    return False


def _raised(deed):
    try:
        deed()
    except (StoppedError, StoreRefusedError, NotApprovedError, OSError) as error:
        return type(error).__name__
    return ""
