"""Bad mail, one row each: how it gets into the inbox, and what a user may rely on then."""

import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from somabus.model.deadletter import Reason
from somabus.model.envelope import Seal
from somabus.model.receipt import Receipt

KIB = 1024
HOLDER = "0123456789ab"
ANOTHER_BUS = "01a1f9de-1d99-72bc-bdf7-9a7b3e80730a"


@dataclass(frozen=True)
class Case:
    """One kind of bad mail.

    `lay` puts it into the inbox and returns its file's name. `reason` is None for what ends in done/, under a name
    with `mark`. `says` must be found in the detail of the dead letter, `peeks` in the fault that `peek` shows.
    """

    title: str
    lay: Callable
    reason: Reason | None
    says: str = ""
    mark: str = ""
    told: bool = False
    alerted: bool = False
    peeks: str | None = "."
    posix: bool = False

    def param(self):
        """Return it as a parameter of a test."""
        marks = [pytest.mark.skipif(self.posix and os.name == "nt", reason="no such thing on Windows")]
        return pytest.param(self, id=self.title, marks=marks)


def bytes_(make):
    """Lay what `make(scene, id)` returns under a good name."""

    def lay(scene, message_id):
        return scene.plant(f"5-{message_id}.0.json", make(scene, message_id)).name

    return lay


def signed(**changed):
    """Lay a sound note of scout with some members changed, signed after the change."""
    return bytes_(lambda scene, message_id: scene.signed(message_id, **changed))


def named(pattern, make=None):
    """Lay a sound note, or what `make(scene, id)` returns, under a name."""

    def lay(scene, message_id):
        raw = make(scene, message_id) if make else scene.signed(message_id)
        return scene.plant(pattern.format(id=message_id, ID=message_id.upper()), raw).name

    return lay


def thing(make, pattern="5-{id}.0.json"):
    """Lay something that is no file: `make(scene, path)` makes it."""

    def lay(scene, message_id):
        path = scene.box() / pattern.format(id=message_id)
        make(scene, path)
        return path.name

    return lay


def handled(*, then):
    """Lay a copy of a message that was handled before, under another name."""

    def lay(scene, message_id):
        raw = scene.signed(message_id)
        scene.plant(f"5-{message_id}.0.json", raw)
        scene.drain()
        return scene.plant(then.format(id=message_id), raw).name

    return lay


def withdrawn(scene, message_id):
    """Lay a copy of a message that its sender took back."""
    path = scene.plant(f"5-{message_id}.0.json", scene.signed(message_id))
    raw = path.read_bytes()
    scene.scout.withdraw(Receipt(message_id, "planner", scene.clock.now()))
    return scene.plant(path.name, raw).name


def _torn(scene, message_id):
    raw = scene.signed(message_id)
    return raw[: len(raw) // 2]


def _torn_in_the_signature(scene, message_id):
    return scene.signed(message_id)[:-20]


def _flipped(scene, message_id):
    return scene.signed(message_id).replace(b'"hello"', b'"hellp"')


def _twice(scene, message_id):
    return scene.seal(scene.unsigned(message_id).replace(b'"body":"hello"', b'"body":"pay 1","body":"pay 1000"'))


def _deep(levels):
    return lambda scene, message_id: scene.signed(message_id, data=json.loads('{"a":' * levels + "1" + "}" * levels))


def _late_signature(scene, message_id):
    raw = scene.signed(message_id)
    return raw[:-1] + b',"topic":"smuggled"}'


def _folder(scene, path):
    path.mkdir()
    (path / "hello.txt").write_text("hello")


def _link(target):
    def make(scene, path):
        outside = scene.path / "outside"
        outside.mkdir(exist_ok=True)
        (outside / "file").write_bytes(scene.signed(scene.new_id()))
        path.symlink_to(outside / target if target else outside)

    return make


def _fifo(scene, path):
    os.mkfifo(path)


def _socket(scene, path):
    os.mknod(path, stat.S_IFSOCK | 0o600)


BAD, LARGE, NAME = Reason.MALFORMED, Reason.TOO_LARGE, Reason.BAD_NAME
WRONG, FORGED, ODD = Reason.WRONG_ADDRESS, Reason.FORGED, Reason.NOT_A_FILE

UNREADABLE = [
    Case("empty", bytes_(lambda s, i: b""), BAD, "empty"),
    Case("blank", bytes_(lambda s, i: b" \r\n\t"), BAD, "empty"),
    Case("zeros after a power cut", bytes_(lambda s, i: bytes(500)), BAD, "no JSON"),
    Case("torn", bytes_(_torn), BAD, "no JSON"),
    Case("torn in the signature", bytes_(_torn_in_the_signature), BAD, "no JSON|signature"),
    Case("binary", bytes_(lambda s, i: bytes(range(256)) * 8), BAD, "no JSON"),
    Case("BOM", bytes_(lambda s, i: b"\xef\xbb\xbf" + s.signed(i)), BAD, "no JSON"),
    Case("UTF-16", bytes_(lambda s, i: s.signed(i).decode().encode("utf-16")), BAD, "no JSON"),
    Case("Latin-1", bytes_(lambda s, i: s.seal(s.unsigned(i).replace(b"hello", b"caf\xe9"))), BAD, "no JSON"),
    Case("a list", bytes_(lambda s, i: b"[1,2]"), BAD, "object.*list"),
    Case("null", bytes_(lambda s, i: b"null"), BAD, "object.*NoneType"),
    Case("NaN", bytes_(lambda s, i: s.seal(s.unsigned(i).replace(b'"hello"', b"NaN"))), BAD, "no JSON"),
    Case("over 256 KiB", signed(body="x" * 300 * KIB), LARGE, r"30\d,\d{3} bytes.*262,144"),
    Case("over 1 MiB", signed(body="x" * 1100 * KIB), LARGE, "1,048,576"),
    Case("nested 70 deep", bytes_(_deep(70)), BAD, "deeper than 64"),
    Case("nested 5000 deep", bytes_(lambda s, i: b'{"a":' * 5000 + b"1" + b"}" * 5000), BAD, "deep|recursion|no JSON"),
    Case("100000 open brackets", bytes_(lambda s, i: b"[" * 100_000), BAD, "deep|recursion|no JSON"),
    Case("a member twice", bytes_(_twice), BAD, "'body'.*twice"),
    Case("format 2", signed(format=2), BAD, "format '2'.*reads format 1"),
    Case("format as text", signed(format="1"), BAD, "format.*1"),
    Case("format true", signed(format=True), BAD, "format 'True'"),
    Case("no format", signed(format=None), BAD, "format 'None'"),
    Case("signature not last", bytes_(_late_signature), BAD, "signature.*last"),
]

MALFORMED = [
    Case("no sender", signed(sender=None), BAD, "sender"),
    Case("sender is a path", signed(sender="../scout"), BAD, r"sender.*\.\./scout"),
    Case("recipients as text", signed(to="planner"), BAD, "to.*'planner'"),
    Case("an id in upper case", signed(thread="01A1F9DE-1D99-72BC-BDF7-9A7B3E80730A"), BAD, "thread.*01A1F9DE"),
    Case("hops below zero", signed(hops=-1), BAD, "hops.*-1"),
    Case("hops beyond all bounds", signed(hops=10**18), BAD, "hops.*1000000000000000000"),
    Case("an unknown priority", signed(priority="now!"), BAD, "priority.*now!"),
    Case("a time without zone", signed(created_at="2026-01-05T12:00:00"), BAD, "created_at.*2026-01-05"),
    Case("a time that is none", signed(created_at="yesterday"), BAD, "created_at.*yesterday"),
    Case("a time before the year 1", signed(created_at="0001-01-01T00:00:00+10:00"), BAD, "created_at.*0001"),
    Case("a time after the year 9999", signed(expires_at="9999-12-31T23:59:59-10:00"), BAD, "expires_at.*9999"),
    Case("a time as a huge number", signed(created_at=1e300), BAD, r"created_at.*1e\+300"),
    Case("a subject of 201", signed(subject="x" * 201), BAD, "subject.*200.*xxx"),
    Case("data as a list", signed(data=[1]), BAD, r"data.*\[1\]"),
    Case("33 references", signed(refs={f"r{n}": "x" for n in range(33)}), BAD, "refs.*32"),
    Case("an insight too sure", signed(kind="insight", data={"topic": "t", "statement": "s", "confidence": 2}), BAD,
         "confidence"),
    Case("an alert without detail", signed(kind="alert", data={"component": "x", "severity": "error"}), BAD, "detail"),
    Case("an answer to nothing", signed(kind="answer"), BAD, "reply_to"),
    Case("a brief without arc", signed(kind="brief"), BAD, "arc"),
]  # fmt: skip

ADDRESSED = [
    Case("from another bus", signed(bus=ANOTHER_BUS), WRONG, f"another bus.*{ANOTHER_BUS}"),
    Case("to another agent", signed(to=["mallory"]), WRONG, "to mallory, not to planner"),
    Case("to nobody", signed(to=[]), WRONG, "nobody, not to planner"),
    Case("a channel post", signed(to=[], channel="arc:wiki"), WRONG, "arc:wiki, not to planner"),
    Case("a channel post to me", signed(channel="alerts"), WRONG, "alerts, not to planner"),
    Case("name says another id", named("5-{id}.0.json", lambda s, i: s.signed(ANOTHER_BUS)), BAD,
         f"name says 0.*the message {ANOTHER_BUS}", told=True),
    Case("too many hops", signed(hops=17), Reason.HOPS, "hop 17.*limit is 16"),
    Case("unsigned", bytes_(lambda s, i: s.unsigned(i)), Reason.UNTRUSTED, "unsigned.*pinned"),
    Case("expired", signed(expires_at="2026-01-05T11:59:59Z"), None, mark=".expired", peeks="expired at 2026-01-05"),
]  # fmt: skip

_FORGED = "from scout.*not signed by scout"
FORGERIES = [
    Case("signed by another key", signed(by="mallory"), FORGED, _FORGED, alerted=True),
    Case("a flipped byte", bytes_(_flipped), FORGED, _FORGED, alerted=True),
    Case("sealed as a card", signed(seal=Seal.CARD), FORGED, _FORGED, alerted=True),
    Case("sealed as a heartbeat", signed(seal=Seal.HEARTBEAT), FORGED, _FORGED, alerted=True),
    Case("a signature of zeros", bytes_(lambda s, i: s.unsigned(i)[:-1] + b',"signature":"%s"}' % (b"A" * 86)),
         FORGED, _FORGED, alerted=True),
    Case("forged and expired", signed(by="mallory", expires_at="2026-01-05T11:00:00Z"), FORGED, _FORGED, alerted=True),
    Case("forged and too many hops", signed(by="mallory", hops=99), FORGED, _FORGED, alerted=True),
    Case("forged and to another agent", signed(by="mallory", to=["mallory"]), FORGED, _FORGED, alerted=True),
    Case("forged and name says another id", named("5-{id}.0.json", lambda s, i: s.signed(ANOTHER_BUS, by="mallory")),
         FORGED, _FORGED, alerted=True),
]  # fmt: skip

REPLAYED = [
    Case("handled before", handled(then="5-{id}.0.json"), None, mark=".duplicate", peeks=None),
    Case("handled before, a higher generation", handled(then="5-{id}.7.json"), None, mark=".duplicate", peeks=None),
    Case("handled before, in a new life", handled(then="5-{id}.1000.json"), None, mark=".duplicate", peeks=None),
    Case("handled before, more urgent", handled(then="1-{id}.0.json"), None, mark=".duplicate", peeks=None),
    Case("withdrawn before", withdrawn, None, mark=".duplicate", peeks=None),
]

NAMED = [
    Case("hello.txt", named("hello.txt", lambda s, i: b"hello"), NAME, "'hello.txt'"),
    Case("Question 1.json", named("Question 1.json"), NAME, "'Question 1.json'"),
    Case("5-x.0.json", named("5-x.0.json"), NAME, "'5-x.0.json'"),
    Case("upper case", named("5-{ID}.0.json"), NAME, "'5-0.*json'"),
    Case("a conflict copy", named("5-{id}.0 (1).json"), NAME, r"\(1\)\.json"),
    Case("a second zero", named("5-{id}.00.json"), NAME, r"\.00\.json"),
    Case("a generation of ten digits", named("5-{id}.1000000000.json"), NAME, r"\.1000000000\.json"),
    Case("no ending", named("5-{id}.0"), NAME, r"\.0'"),
    Case("a name of claimed/", named(f"5-{{id}}.1.99999999999999.{HOLDER}.json"), NAME, HOLDER),
    Case("a name of later/", named("5-{id}.1.99999999999999.json"), NAME, "99999999999999"),
    Case("200 characters", named("x" * 195 + ".json", lambda s, i: b"{}"), NAME, "xxx"),
]

ODDITIES = [
    Case("a folder", thing(_folder), ODD, "folder"),
    Case("a folder under a bad name", thing(_folder, "New Folder"), NAME, "'New Folder'"),
    Case("a link to a file", thing(_link("file")), ODD, "ELOOP", posix=True),
    Case("a link to a folder", thing(_link("")), ODD, "ELOOP", posix=True),
    Case("a link to nothing", thing(_link("gone")), ODD, "ELOOP", posix=True),
    Case("a link under a bad name", thing(_link("file"), "shortcut.lnk"), NAME, "'shortcut.lnk'", posix=True),
    Case("a dangling link under a bad name", thing(_link("gone"), "gone.lnk"), NAME, "'gone.lnk'", posix=True),
    Case("a FIFO", thing(_fifo), ODD, "not a regular file", posix=True),
    Case("a FIFO under a bad name", thing(_fifo, "pipe"), NAME, "'pipe'", posix=True),
    Case("a socket", thing(_socket), ODD, ".", posix=True),
    Case("a socket under a bad name", thing(_socket, "agent.sock"), NAME, "'agent.sock'", posix=True),
]

CASES = [*UNREADABLE, *MALFORMED, *ADDRESSED, *FORGERIES, *REPLAYED, *NAMED, *ODDITIES]
EVERY = [case.param() for case in CASES]
DEAD = [case.param() for case in CASES if case.reason is not None]
FORGED_ONES = [case.param() for case in CASES if case.alerted]
PEEKED = [case.param() for case in CASES if case.peeks is not None]
