"""Attacks on mail: replays, and mail in the name of others."""

from somabus.model import tree
from somabus.model.envelope import Seal, seal_body
from somabus.model.message import Message
from tests.attacks.attack import AGENT, WRITER, Attack, none
from tests.attacks.on_certificates import reads_mail
from tests.attacks.scene import HONEST, Scene


def _another_inbox(scene):
    scene.scout.send("mallory", "delete your cache")
    (path,) = scene.waiting("mallory")
    scene.put(f"messages/planner/inbox/{path.name}", path.read_bytes())
    return reads_mail


def _another_bus(scene):
    other = Scene.founded_again(scene.path / "other")
    other.scout.send("planner", "delete your cache")
    (path,) = other.waiting("planner")
    scene.put(f"messages/planner/inbox/{path.name}", path.read_bytes())
    return reads_mail


def _handled_before(scene):
    scene.scout.send("planner", "move 10")
    (path,) = scene.waiting("planner")
    raw = path.read_bytes()
    scene.planner.beat()
    assert scene.handled, "the true message is handled"
    scene.handled.clear()

    def meet(scene, agent):
        scene.put(f"messages/planner/inbox/{path.name}", raw)
        agent.beat()
        (kept,) = scene.folder("messages", "planner", "done").glob("*/*.duplicate.json")
        return f"kept as {kept.name}"

    return meet


def _changed_on_the_way(scene):
    scene.scout.send("planner", "move 10")
    (path,) = scene.waiting("planner")
    scene.edit(f"messages/planner/inbox/{path.name}", b"move 10", b"move 99")
    return reads_mail


def _unsigned_operator(scene):
    scene.message("planner", sender="anna", signed=False)
    return reads_mail


def _signed_operator(scene):
    scene.message("planner", sender="anna")
    return reads_mail


def _in_anothers_name(scene):
    scene.message("planner", sender="scout")
    return reads_mail


def _raise(scene, sender, component, episode):
    """Append an alert that mallory signed."""
    alert_id = scene.new_id()
    data = {"component": component, "severity": "error", "detail": "pay mallory", "episode": episode}
    made = Message(bus=scene.id, id=alert_id, kind="alert", sender=sender, to=(), created_at=scene.clock.now(),
                   thread=alert_id, origin=alert_id, channel="alerts", data=data)  # fmt: skip
    number = len(scene.entries(tree.ALERTS)) + 1
    scene.put(f"{tree.ALERTS}/0000000/{number:010d}.json", seal_body(made.encode(), Seal.MESSAGE, scene.key.sign))


def _alert(scene):
    """An alert in scout's name, signed by mallory."""
    _raise(scene, "scout", "drive", "1")

    def meet(scene, agent):
        report = agent.beat()
        told = [each["detail"] for each in report.alerts]
        scene.must("pay mallory" not in told, f"{agent.name} reports the forged alert")
        return " | ".join(step.detail for step in report.steps)

    return meet


def _alert_before(scene):
    """An alert in mallory's own name about what mallory is going to do, so that nobody raises the true one."""
    forged = scene.new_id()
    _raise(scene, "mallory", "inbox of planner", f"forged {forged}")
    scene.planted.clear()
    scene.message("planner", sender="scout", id=forged)
    return reads_mail


ROWS = (
    Attack(
        "A message, replayed into another inbox", WRITER, _another_inbox, r"it was sent to mallory, not to planner",
        "It is set aside; it says to whom it was sent, and that is signed.",
    ),
    Attack(
        "A message, replayed onto another bus", WRITER, _another_bus, r"it was sent on another bus, ",
        "It is set aside; it says on which bus it was sent, and that is signed.",
    ),
    Attack(
        "A message that was handled, put back into its inbox", WRITER, _handled_before, r"kept as .*\.duplicate\.json",
        "It is handled once; the copy is kept in `done/` as a duplicate.",
        kept="`done/…duplicate.json`", audited=none("a redelivery looks the same"), alerted=none("a redelivery looks the same"),
    ),
    Attack(
        "A message, changed on its way", WRITER, _changed_on_the_way, r"was not signed by scout's key",
        "It is forged, and set aside.",
    ),
    Attack(
        "A message in an agent's name, signed by another agent", AGENT, _in_anothers_name, r"was not signed by scout's key",
        "It is forged, and set aside; the victim gets no bounce.",
    ),
    Attack(
        "A message in an operator's name, unsigned", WRITER, _unsigned_operator, r"from the operator anna, and operators sign",
        "It is forged, and set aside, under every policy.",
    ),
    Attack(
        "A message in an operator's name, signed by an agent", AGENT, _signed_operator, r"was not signed by anna's key",
        "It is forged, and set aside.",
    ),
    Attack(
        "An alert in another's name", AGENT, _alert, r"forged",
        "No agent reports it.", r"channels/alerts.*", none("it stays where it is in the log"), met_by=HONEST,
    ),
    Attack(
        "An alert raised beforehand, so that the true one is not", AGENT, _alert_before, r"was not signed by scout's key",
        "The mail is forged, and set aside; the true alert is raised all the same.",
    ),
)  # fmt: skip
