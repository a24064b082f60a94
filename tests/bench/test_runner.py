"""What the benchmark promises to whoever reads its table: all of it was measured, side by side, and faults are counted."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.bench import page, table
from tests.bench.__main__ import main
from tests.bench.queues import contender, installed, left_out
from tests.bench.queues.contender import Contender
from tests.bench.queues.floor import Floor
from tests.bench.row import Guarantees, Row, Scale, Size, Work
from tests.bench.run import Found, measure
from tests.bench.targets import TARGETS
from tests.bench.works import ALL, crowd, mail
from tests.bench.works.mail import body

FLOOR = contender("floor, none")


class Careless(Floor):
    """A queue that loses the fourth message of whoever sends, and hands number seven out twice."""

    def __init__(self, folder, role):
        super().__init__(folder, role, "none")
        self._sent, self._again = 0, iter(())

    def send(self, body):
        """Send, but for the fourth."""
        self._sent += 1
        if self._sent != 4:
            super().send(body)

    def receive(self):
        """Take, or hand out once more."""
        found = next(self._again, None)
        if found is None and (found := super().receive()) == body(7):
            self._again = iter([found])
        return found


CARELESS = Contender("careless", "none", Careless, Guarantees())


def to_the_end(steps):
    """Run all steps of a row; return its figures."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_a_short_run_ends_with_a_table_and_the_whole_data(tmp_path, capsys):
    """You get a table of all targets, every contender beside the floor, and the same as JSON; nothing stays behind."""
    names = ["mail", "registry"]
    (tmp_path / "drive").mkdir()
    at, shown = tmp_path / "all.json", tmp_path / "speed.md"
    shown.write_text(f"# Speed\n{page.BEGIN}\nof yesterday\n{page.END}\nbehind\n")

    main(["--tiny", "--only", *names, "--folder", str(tmp_path / "drive"), "--json", str(at), "--markdown", str(shown)])

    found = json.loads(at.read_text())
    (run,) = found["runs"]
    assert run["failed"] == []
    assert {row["work"] for row in run["rows"]} == set(names)
    sent = {row["row"]: row for row in run["rows"] if row["work"] == "mail" and row["figure"] == "send"}
    assert set(sent) == {each.name for each in installed() if each.durability != "full"}
    assert sent["floor, none"]["ratio"] == 1
    assert all(row["median"] > 0 and row["ratio"] > 0 for row in sent.values())
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

    assert len(TARGETS) == 18
    assert {name for target in TARGETS for name in target.works} == works
    assert all(set(work.scales) == set(Size) for work in ALL)


def test_what_a_queue_loses_or_gives_twice_is_counted(tmp_path):
    """Two send and two take: what does not arrive, and what comes twice, stands beside the figure and spoils nothing else."""
    figures = to_the_end(crowd.run(CARELESS, 2, 20, tmp_path))

    assert figures["lost"] == 2
    assert figures["twice"] == 1
    assert figures["errors"] == 0
    assert figures["message"] > 0


def test_a_queue_that_keeps_its_word_loses_nothing(tmp_path):
    """The same with the bus: nothing lost, nothing twice."""
    figures = to_the_end(crowd.run(contender("somabus, signed, none"), 2, 20, tmp_path))

    assert (figures["lost"], figures["twice"], figures["errors"]) == (0, 0, 0)


def test_what_a_queue_loses_stands_in_the_table(tmp_path):
    """One by one as well: what did not come back is counted beside the row, and the others are measured."""
    results = measure([work_of(*mail.rows_of([CARELESS, FLOOR], 20), rounds=1)], Size.TINY, tmp_path, say=quiet)

    assert results.failed == {}
    lines = table.works([results], {}).splitlines()
    assert [line.split(" | ")[6] for line in lines if line.startswith(("| careless", "| floor"))] == ["1 / 1", "0 / 0"]


def test_a_folder_is_a_queue_of_its_own(tmp_path):
    """A contender in a second folder of the same process starts empty, and hands out what is sent there."""
    for each in installed():
        for place in ("one", "other"):
            (tmp_path / each.name / place).mkdir(parents=True)
            queue = each.open(tmp_path / each.name / place, "consumer")
            queue.send(body(1))

            assert [queue.receive(), queue.receive()] == [body(1), None], each.name
            queue.close()


def test_rows_take_turns(tmp_path):
    """All rows of a round are prepared before the first is timed, and each has its turn before one of them has its next."""
    seen = []

    def row(name):
        def run(_folder):
            for step in range(4):
                seen.append(step)
                yield
            return {"send": 1.0}

        return Row(name, run, "a")

    measure([work_of(row("a"), row("b"), row("c"), rounds=1)], Size.TINY, tmp_path, say=quiet)

    assert seen == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


@pytest.mark.slow
def test_several_runs_show_their_median_and_their_range(tmp_path):
    """Three runs are one table: a target is met by the median of the runs, and between what they lay stands beside it."""
    runs = []
    for ratio in (0.5, 0.9, 0.7):
        rows = [
            Row(name, fixed(send=us), "floor, none")
            for name, us in (("floor, none", 7.0), ("somabus, unsigned, none", 7.0 / ratio))
        ]
        runs.append(measure([work_of(*rows, rounds=1)], Size.TINY, tmp_path, say=quiet))

    unsigned = next(each for each in TARGETS if each.works == ("mail",)).checks(Size.TINY)[0]
    assert unsigned.found(runs) == Found(pytest.approx(0.7), pytest.approx(0.5), pytest.approx(0.9))
    assert "unsigned / floor: 0.70 (0.50–0.90), at least 0.7" in table.targets(runs, Size.TINY)  # noqa: RUF001
    assert "| somabus, unsigned, none | 10.0 | 0.70 (0.50–0.90) |" in table.works(runs, {})  # noqa: RUF001


@pytest.mark.parametrize(
    ("work", "number"),
    [
        pytest.param("wake", "SIGTERM", marks=pytest.mark.slow),
        pytest.param("crowd 2+2", "SIGINT", marks=pytest.mark.slow),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="a process is not asked to end there")
def test_a_run_that_is_interrupted_leaves_nothing_behind(work, number, tmp_path):
    """Ctrl-C, or a polite kill: every process that was started ends with the run, and the drive is as it was."""
    order = [
        sys.executable,
        "-m",
        "tests.bench",
        "--tiny",
        "--rounds",
        "100",
        "--folder",
        str(tmp_path),
        "--only",
        work,
    ]
    # All of them hold this pipe, so it ends with the last of them.
    with subprocess.Popen(order, stderr=subprocess.PIPE, text=True, start_new_session=True) as run:
        try:
            for line in run.stderr:
                if "round 2 " in line:
                    break
            run.send_signal(getattr(signal, number))
            run.communicate(timeout=20)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)

    assert run.returncode != 0
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_row_that_fails_once_spoils_neither_the_others_nor_the_ratios(tmp_path):
    """A peer that breaks in one round is named with its error; ratios are of the same round, or of none."""
    rounds = iter([1.0, 2.0, 4.0])
    broken = iter([10.0, None, 40.0])

    def floor(_folder):
        yield
        return {"send": next(rounds)}

    def peer(_folder):
        yield
        took = next(broken)
        if took is None:
            message = "it broke"
            raise RuntimeError(message)
        return {"send": took}

    results = measure(
        [work_of(Row("floor", floor, "floor"), Row("peer", peer, "floor"))], Size.TINY, tmp_path, say=quiet
    )

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


def work_of(*rows, rounds=3):
    """Return a work with these rows, called `mail`."""
    return Work("mail", "", lambda _count, _folder: list(rows), {Size.TINY: Scale(1, rounds)})


def fixed(**figures):
    """Return a run that yields these figures."""

    def run(_folder):
        yield
        return figures

    return run


def quiet(_line):
    """Say nothing."""


@pytest.mark.slow
def test_every_check_of_every_target_has_a_value(tmp_path):
    """A full run leaves no gap in the table: each promise is compared with something that was measured."""
    if left_out():
        pytest.skip(f"not installed: {', '.join(left_out())}; see the extra `bench`")
    results = measure(ALL, Size.TINY, tmp_path, say=quiet)

    ours = {key: error for key, error in results.failed.items() if "somabus" in key[1] or "floor" in key[1]}
    assert ours == {}
    gaps = [check.say for target in TARGETS for check in target.checks(Size.TINY) if check.found([results]) is None]
    assert gaps == []


def test_a_peer_that_is_not_installed_is_named_and_left_out(monkeypatch):
    """Without the peers the rest is measured, and the table says who is missing."""
    from tests.bench import queues

    ghost = replace(CARELESS, name="ghost", needs="somabus-ghost")
    monkeypatch.setattr(queues, "ALL", (*queues.ALL, ghost))

    assert "somabus-ghost" in queues.left_out()
    assert "ghost" not in [each.name for each in queues.installed()]
