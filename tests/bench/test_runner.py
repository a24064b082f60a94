"""What the benchmark promises to whoever reads its table: all of it was measured, side by side, and faults are counted."""

import json
from dataclasses import replace

import pytest

from tests.bench import page
from tests.bench.__main__ import main
from tests.bench.queues import contender, installed
from tests.bench.queues.contender import Contender
from tests.bench.queues.floor import Floor
from tests.bench.row import Guarantees, Row, Scale, Size, Work
from tests.bench.run import measure
from tests.bench.targets import TARGETS
from tests.bench.works import ALL, crowd
from tests.bench.works.mail import body


class Careless(Floor):
    """A queue that loses the fourth message of whoever sends, and hands the first of each listing out twice."""

    def __init__(self, folder, role):
        super().__init__(folder, role, "none")
        self._sent, self._again = 0, None

    def send(self, body):
        """Send, but for the fourth."""
        self._sent += 1
        if self._sent != 4:
            super().send(body)

    def receive(self):
        """Take, and hand the very first out once more."""
        if self._again:
            again, self._again = self._again, b""
            return again
        found = super().receive()
        if self._again is None:
            self._again = found
        return found


CARELESS = Contender("careless", "none", Careless, Guarantees())


def test_a_short_run_ends_with_a_table_and_the_whole_data(tmp_path, capsys):
    """You get a table of all targets, every contender beside the floor, and the same as JSON; nothing stays behind."""
    names = ["mail", "batches", "unread", "registry"]
    (tmp_path / "drive").mkdir()
    at, shown = tmp_path / "all.json", tmp_path / "speed.md"
    shown.write_text(f"# Speed\n{page.BEGIN}\nof yesterday\n{page.END}\nbehind\n")

    main(["--tiny", "--only", *names, "--folder", str(tmp_path / "drive"), "--json", str(at), "--markdown", str(shown)])

    found = json.loads(at.read_text())
    assert found["failed"] == []
    assert {row["work"] for row in found["rows"]} == set(names)
    mail = {row["row"]: row for row in found["rows"] if row["work"] == "mail" and row["figure"] == "send"}
    assert set(mail) == {each.name for each in installed() if each.durability != "full"}
    assert mail["floor, none"]["ratio"] == 1
    assert all(row["median"] > 0 and row["ratio"] > 0 for row in mail.values())
    assert [target["work"] for target in found["targets"]] == [target.work for target in TARGETS]
    text = shown.read_text()
    assert text.startswith("# Speed\n")
    assert text.endswith(f"{page.END}\nbehind\n")
    assert "of yesterday" not in text
    printed = capsys.readouterr().out
    assert all(target.promise in text and target.promise in printed for target in TARGETS)
    assert not list((tmp_path / "drive").iterdir())


def test_every_target_is_measured_by_a_work():
    """No promise of speed stands in the table without a work that shows it, and no work shows nothing."""
    works = {work.name for work in ALL}

    assert len(TARGETS) == 13
    assert {name for target in TARGETS for name in target.works} == works
    assert all(set(work.scales) == set(Size) for work in ALL)


def test_what_a_queue_loses_or_gives_twice_is_counted(tmp_path):
    """Two send and two take: what does not arrive, and what comes twice, stands beside the figure and spoils nothing else."""
    figures = crowd.run(CARELESS, 2, 20, tmp_path)

    assert figures["lost"] == 2
    assert figures["twice"] >= 1
    assert figures["errors"] == 0
    assert figures["message"] > 0


def test_a_queue_that_keeps_its_word_loses_nothing(tmp_path):
    """The same with the bus: nothing lost, nothing twice."""
    figures = crowd.run(contender("somabus, signed, none"), 2, 20, tmp_path)

    assert (figures["lost"], figures["twice"], figures["errors"]) == (0, 0, 0)


def test_a_row_that_fails_once_spoils_neither_the_others_nor_the_ratios(tmp_path):
    """A peer that breaks in one round is named with its error; ratios are of the same round, or of none."""
    rounds = iter([1.0, 2.0, 4.0])
    broken = iter([10.0, None, 40.0])

    def floor(_folder):
        return {"send": next(rounds)}

    def peer(_folder):
        took = next(broken)
        if took is None:
            message = "it broke"
            raise RuntimeError(message)
        return {"send": took}

    rows = [Row("floor", floor, "floor"), Row("peer", peer, "floor")]
    work = Work("mail", "", lambda _count, _folder: rows, {Size.TINY: Scale(1, 3)})

    results = measure([work], Size.TINY, tmp_path, say=lambda _: None)

    assert results.failed == {("mail", "peer"): "RuntimeError: it broke"}
    assert results.values("mail", "floor", "send") == [1, 2, 4]
    assert results.times(("mail", "peer", "send"), ("mail", "floor", "send")) == 10


def test_the_floor_hands_out_what_it_was_sent(tmp_path):
    """What everything is compared with does the work: all comes back, in order, from each class."""
    for number, name in enumerate(["floor, none", "floor, file", "floor, full", "floor, full, best here"]):
        (tmp_path / str(number)).mkdir()
        floor = contender(name).open(tmp_path / str(number), "consumer")
        floor.send(body(0))
        floor.send_many([body(1), body(2)])

        assert [floor.receive() for _ in range(4)] == [body(0), body(1), body(2), None]
        floor.close()


@pytest.mark.slow
def test_every_check_of_every_target_has_a_value(tmp_path):
    """A full run leaves no gap in the table: each promise is compared with something that was measured."""
    results = measure(ALL, Size.TINY, tmp_path, say=lambda _: None)

    ours = {key: error for key, error in results.failed.items() if "somabus" in key[1] or "floor" in key[1]}
    assert ours == {}
    gaps = [check.say for target in TARGETS for check in target.checks(Size.TINY) if check.value(results) is None]
    assert gaps == []


def test_a_peer_that_is_not_installed_is_named_and_left_out(monkeypatch):
    """Without the peers the rest is measured, and the table says who is missing."""
    from tests.bench import queues

    ghost = replace(CARELESS, name="ghost", needs="somabus-ghost")
    monkeypatch.setattr(queues, "ALL", (*queues.ALL, ghost))

    assert "somabus-ghost" in queues.left_out()
    assert "ghost" not in [each.name for each in queues.installed()]
