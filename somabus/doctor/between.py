"""A drive between two machines: one asks, the other answers, and they meet in a folder of their own on that drive.

The folder's name says who asks whom; the first word in it is the plan, which both sides follow round by round. Names
are fresh in every session, so nothing that a drive remembers of an earlier one comes in between.
"""

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from somabus.clock import Clock
from somabus.doctor.finding import Finding, Weight, learned
from somabus.doctor.place import Place, Tell, remove
from somabus.doctor.rounds import ROUNDS, facts_of
from somabus.doctor.side import Side
from somabus.doctor.talk import Talk
from somabus.errors import MalformedMessageError, NoAnswerError, UnsupportedFormatError
from somabus.model.drive import Drive
from somabus.model.message import Name, Utc, Value
from somabus.store.directory.trouble import translate

_WORD_S: Final = 120.0
_FRESH: Final = timedelta(minutes=15)
_LOOK_S: Final = 0.5
_SESSION: Final = re.compile(r"doctor=(?P<asker>[a-z0-9._-]+)=(?P<other>[a-z0-9._-]+)=[0-9a-f]{8,32}")


class Plan(Value):
    """What the two will do, in this order; `began_at` is the drive's time, `client` is that of the asker."""

    format: Literal[1] = 1
    asker: Name
    other: Name
    began_at: Utc
    staleness_s: float
    rounds: tuple[str, ...] = Field(max_length=64)
    client: str = Field(default="", max_length=64)

    def between(self, client: object) -> tuple[str, ...]:
        """Return the rounds that tell something against a client: against the same one that is none."""
        return () if client == self.client else self.rounds


def session(asker: str, other: str, token: str) -> str:
    """Return the name of the folder in which they meet."""
    return f"doctor={asker}={other}={token}"


def ask(place: Place, plan: Plan, *, wait_s: float, tell: Tell) -> Iterator[Finding]:
    """Examine the drive together with the other machine.

    Raises:
        NoAnswerError: nobody answers, or no more.
        MessageError: a word makes no sense.
    """
    talk = Talk(place.folder, "a", "b", place.clock, _WORD_S, tell)
    side = Side(talk, place.clock, plan.other, plan.staleness_s)
    for number, name in enumerate(plan.rounds):
        folder = place.folder / f"{number}"
        folder.mkdir()
        shutil.copymode(place.folder, folder)
        ROUNDS[name].prepare(folder)
    talk.say(**plan.model_dump(mode="json"))
    rounds = plan.between(talk.hear(f"{plan.other} to answer", wait_s).get("client"))
    if not rounds:
        yield _one_client(plan.other)
    found = []
    for number, name in enumerate(rounds):
        with _understood(plan.other):
            found.append(ROUNDS[name].ask(side, place.folder / f"{number}"))
        yield found[-1]
    talk.say(learned=learned(found))
    talk.hear("goodbye")


def _one_client(other: str) -> Finding:
    said = f"{other} answers on this machine, through the same mount: what two machines see of one another is not known"
    return Finding("machines", Weight.WARNING, other, said, f"on another one: somabus doctor --answer --agent {other}")


def planned(asker: str, other: str, drive: Drive, staleness_s: float, began_at: datetime, client: str) -> Plan:
    """Return the plan for a drive of which one machine has found out what it can."""
    rounds = tuple(name for name in ROUNDS if name != "link" or drive.hard_links or drive.link_exclusive is False)
    return Plan(asker=asker, other=other, began_at=began_at, staleness_s=staleness_s, rounds=rounds, client=client)


def answer(
    tmp: Path, me: str, *, client: str, clock: Clock, drive_now: Callable[[], datetime], wait_s: float, tell: Tell
) -> tuple[str, dict[str, Any] | None]:
    """Wait for somebody who asks, do the other part of every round, and return who asked and what was learned.

    That is None where the asker is this same client: nothing was tried.

    Raises:
        NoAnswerError: nobody asks, or no more.
        StoreUnavailableError: could not look.
        MessageError: the plan is of a later version, or a word makes no sense.
    """
    folder, plan = _asked(tmp, me, clock, drive_now, wait_s, tell)
    talk = Talk(folder, "b", "a", clock, _WORD_S, tell)
    talk.hear("the plan")
    side, rounds = Side(talk, clock, plan.asker, plan.staleness_s), plan.between(client)
    talk.say(client=client)
    with _understood(plan.asker):
        for number, name in enumerate(rounds):
            ROUNDS[name].answer(side, _folder(folder / f"{number}"))
        facts = facts_of(talk.hear("what was found"))
        known = Drive.model_validate(facts).model_dump(include=set(facts))
    talk.say()
    _tidy(side, folder)
    return plan.asker, known if rounds else None


def _tidy(side: Side, folder: Path) -> None:
    """Remove what the other one, whose drive may show it an old listing, leaves behind when it goes."""

    def gone() -> bool:
        remove(folder)
        return not folder.exists()

    side.watch(lambda: not (folder / "a.0.opened").exists())
    side.watch(gone)


def _asked(
    tmp: Path, me: str, clock: Clock, drive_now: Callable[[], datetime], wait_s: float, tell: Tell
) -> tuple[Path, Plan]:
    """Return the folder and the plan of a session that somebody has just begun with us."""
    begun, seen, pause = clock.monotonic(), set[str](), threading.Event()
    while (passed := clock.monotonic() - begun) < wait_s:
        for name in sorted(_names(tmp) - seen):
            found = _SESSION.fullmatch(name)
            if found is None or found["other"] != me or (tmp / name).is_symlink():
                continue
            seen.add(name)
            try:
                word = Talk(tmp / name, "b", "a", clock, _WORD_S, tell).hear(f"the plan of {found['asker']}", 60)
            except NoAnswerError:
                continue  # the one who asked has gone
            plan = Plan.from_object(word)
            if not set(plan.rounds) <= set(ROUNDS):
                raise UnsupportedFormatError(min(set(plan.rounds) - set(ROUNDS)))
            if abs(drive_now() - plan.began_at) < _FRESH and _first(tmp / name):
                return tmp / name, plan
        tell("somebody who asks", passed, wait_s)
        pause.wait(_LOOK_S)
    raise NoAnswerError("tmp", f"nobody asked {me} for {wait_s:.0f} s; there, type: somabus doctor --with {me}")


def _first(folder: Path) -> bool:
    """Tell whether we are the one who answers, if the agent runs on two machines."""
    try:
        (folder / "answered").mkdir()
    except FileExistsError:
        return False
    except OSError as error:
        raise translate(error, folder.name) from error
    return True


def _folder(path: Path) -> Path:
    """Return the folder of a round, which is no link to somewhere else."""
    if path.is_symlink():
        raise MalformedMessageError(f"{path.name} is a symbolic link")
    return path


@contextmanager
def _understood(other: str) -> Iterator[None]:
    """Take a word that lacks what its round needs for what it is: not the other's fault to be a bug of ours."""
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MalformedMessageError(f"what {other} says makes no sense: {error!r}"[:300]) from error
    except OSError as error:
        raise translate(error, "tmp") from error


def _names(tmp: Path) -> set[str]:
    try:
        return {each.name for each in tmp.iterdir()}
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise translate(error, "tmp") from error
