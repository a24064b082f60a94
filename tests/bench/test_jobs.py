"""What the benchmark of jobs promises: whoever is measured ran every job once, in order, or the table says so."""

import pytest

from tests.bench.row import Size
from tests.bench.run import measure
from tests.bench.runners import installed
from tests.bench.runners.floor import CANDIDATES, Floor
from tests.bench.runners.runner import Candidate
from tests.bench.test_runner import quiet, work_of
from tests.bench.works import jobs

FLOOR = CANDIDATES[0]


class Careless(Floor):
    """A queue that loses job number three and runs number seven twice."""

    def run(self, most):
        """Run."""
        ran = super().run(most)
        return [each for each in ran if each != 3] + [each for each in ran if each == 7]


class Hasty(Floor):
    """A queue that waits for nobody."""

    def submit_graph(self, needs):
        """Submit, as if nothing were needed, the last one first."""
        for number in range(len(needs)):
            self.submit(len(needs) - 1 - number)

    def _claim(self):
        self._listing = self._listing or sorted(name.name for name in (self._folder / "waiting").iterdir())
        return super()._claim()


def careless(kind):
    """Return a candidate of this kind."""
    return Candidate("careless", "none", lambda folder: kind(folder, "none"), FLOOR.guarantees, graphs=True)


def test_every_candidate_runs_every_job_once(tmp_path):
    """Each of them ran what was submitted, nothing lost and nothing twice, and has a time beside the floor's."""
    results = measure([work_of(*jobs.plain(installed(), 30), rounds=1)], Size.TINY, tmp_path, say=quiet)

    assert results.failed == {}
    for each in installed():
        figures = {name: results.middle("mail", each.name, name) for name in ("lost", "twice", "submit", "run")}
        assert (figures["lost"], figures["twice"]) == (0, 0), each.name
        assert figures["submit"] > 0, each.name
        assert results.times(("mail", each.base, "run"), ("mail", each.name, "run")) > 0, each.name


def test_a_job_that_is_lost_or_run_twice_is_counted(tmp_path):
    """A queue that loses one and runs another twice stands in the table with both."""
    results = measure([work_of(*jobs.plain([careless(Careless)], 30), rounds=1)], Size.TINY, tmp_path, say=quiet)

    assert [results.middle("mail", "careless", each) for each in ("lost", "twice")] == [1, 1]


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """What graphs of every shape gave, measured once."""
    candidates = [*CANDIDATES, *(each for each in installed() if each.name == "somabus, none"), careless(Hasty)]
    work = work_of(*jobs.graphs(candidates, 20), rounds=1)
    return measure([work], Size.TINY, tmp_path_factory.mktemp("graphs"), say=quiet)


@pytest.mark.parametrize("shape", jobs.SHAPES)
def test_a_graph_is_run_in_its_order(shape, graphs):
    """The floor and somabus run a graph to its end, no job before what it needs; a queue that does not has no time."""
    results = graphs

    assert set(results.failed) == {("mail", jobs.name("careless", each)) for each in jobs.SHAPES}
    assert "ran before" in results.failed["mail", jobs.name("careless", shape)]
    for row in ("floor, none", "floor, full", "somabus, none"):
        assert [results.middle("mail", jobs.name(row, shape), each) for each in ("lost", "twice")] == [0, 0], row


def test_the_shapes_are_what_they_are_called():
    """Ten layers in which each job needs three of the layer before, and a chain in which each needs the one before."""
    assert jobs.layers(100)[:10] == [()] * 10
    assert jobs.layers(100)[19] == [0, 1, 9]
    assert all(len(each) == 3 for each in jobs.layers(100)[10:])
    assert jobs.chain(3) == [(), (0,), (1,)]


def test_how_many_wait_is_what_the_row_says(tmp_path):
    """Behind the jobs that are run, as many wait as the name of the row tells."""
    for each in installed():
        (tmp_path / each.name).mkdir()
        runner = each.open(tmp_path / each.name)
        runner.submit(0)
        runner.submit(1)

        runner.fill(4)

        assert runner.run(2) == [0, 1], each.name
        assert len(runner.run(9)) == (0 if "somabus" in each.name else 4), each.name
