"""One attack: who plays it, how, and what must come of it; and the playing of one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.attacks.scene import Scene, matches

WRITER: Final = "whoever can write to the drive"
AGENT: Final = "an agent with a key of its own"
ITSELF: Final = "the agent that asked"
OPERATOR: Final = "an operator with a changed program"
USER: Final = "another user of the machine"

DEAD: Final = "dead letter"
BESIDE: Final = "audit/evidence"
YES: Final = "yes"
ONCE: Final = "once"
DASH: Final = "\N{EN DASH}"
PROMISES: Final = ("refused", "named", "kept", "audited", "alerted")
Meet = Callable[[Scene, object], str]


def none(why):
    """Return the cell of what is not done, and why."""
    return f"{DASH} {why}"


@dataclass(frozen=True, slots=True)
class Attack:
    """One row of the table.

    Args:
        name: what is tried.
        who: who can try it.
        play: lays the attack, and returns how an honest agent meets it; meeting it returns what the agent says.
        fact: what must be named, a regular expression.
        outcome: what comes of it, for people.
        where: where it was met, as alert and audit put it; a regular expression.
        kept, audited, alerted: what is kept and told; a dash and a reason where it is not.
        met_by: who meets it.
        besides: where else an alert is right, for the mail that is sent under the attack is an attack as well.
        restarts: whether they meet it once more in a new process.
        lacks: what the code does not keep yet, with the reason; it shows in the table.
    """

    name: str
    who: str
    play: Callable[[Scene], Meet]
    fact: str
    outcome: str
    where: str = r"inbox of planner"
    kept: str = DEAD
    audited: str = YES
    alerted: str = ONCE
    met_by: tuple[str, ...] = ("planner",)
    besides: str = r"nowhere"
    restarts: bool = True
    lacks: Mapping[str, str] = field(default_factory=dict)

    def cell(self, promise: str) -> str:
        """Return what the table says of a promise."""
        said = {"kept": self.kept, "audited": self.audited, "alerted": self.alerted}.get(promise, self.outcome)
        if promise not in self.lacks:
            return said
        if promise == "refused":
            return f"not yet: {said}"
        return "more than once" if "as two" in self.lacks[promise] else "not yet"


@dataclass(slots=True)
class Played:
    """What came of one attack."""

    scene: Scene
    said: list[str]
    audit: list
    alerts: list[tuple[str, str, str]]

    def evidence(self, attack):
        """Return where the audit says that the evidence of the attack lies, entry by entry."""
        return [each.evidence for name in attack.met_by for each in self.refusals(attack, name)]

    def refusals(self, attack, name):
        """Return the entries of the audit by which an agent told of the attack."""
        return [
            each
            for each in (checked.entry for checked in self.audit)
            if each is not None
            and (each.act, each.by) == ("refused", name)
            and matches(f"^(?:{attack.where})$", each.subject)
            and matches(attack.fact, each.detail)
        ]


def play(attack, scene):
    """Play an attack; everybody concerned meets it twice, and once more in a new process."""
    meet = attack.play(scene)
    said = []
    if not attack.met_by:
        said += [meet(scene, None), meet(scene, None)]
    for name in attack.met_by:
        said += [meet(scene, scene.running[name]), meet(scene, scene.running[name])]
        if attack.restarts:
            said.append(meet(scene, scene.started(name)))
    for agent in scene.running.values():
        agent.beat()  # what one has told, the other tells no second time
    scene.must(not scene.handled, f"handled {scene.handled}")
    return Played(scene, said, scene.audit(), scene.alerts())
