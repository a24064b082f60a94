"""`verify` judges the queues: jobs and the records of attempts by their seals, what lies beside by its form."""

import shutil
from contextlib import suppress
from datetime import timedelta

import pytest

from somabus import Agent, JobDraft, create_bus
from somabus.model.envelope import Seal, seal_body, split
from somabus.verify import judge_document, judge_path
from tests.lying import lying


def leave(ctx):
    """Leave something of everything beside the job."""
    ctx.step("one", lambda: 1)
    ctx.progress(0.5, "half")
    ctx.log("half of it")
    ctx.attach("a.txt", b"a")
    ctx.spend(tokens=3)
    ctx.message("half of it is done")
    return {"said": [each.body for each in ctx.inbox()]}


def die():
    """Be told to end in the middle of a step."""
    raise KeyboardInterrupt


def parent(ctx):
    """Wait for a child."""
    ctx.submit("leave", {"n": 1})
    return len(ctx.gather())


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A bus whose queues have jobs in every state and everything that can lie beside one; and its agent's key."""
    folder = tmp_path_factory.mktemp("original")
    create_bus(folder / "bus")
    scout = Agent("scout", bus=folder / "bus", home=folder / "home", durability="none")
    for handler in (leave, parent):
        scout.handler(handler.__name__)(handler)
    scout.handler("fail")(lambda ctx: ctx.give_up("no"))
    scout.handler("doubt")(lambda ctx: ctx.step("pay", die))
    told = scout.submit("leave", key="k", rate=("api", 10, timedelta(hours=1)))
    scout.jobs.tell(told, "leave the pictures out")
    for name in ("parent", "fail", "doubt", "shell"):  # completed, failed, paused, dead
        scout.submit(name)
    for _ in range(2):
        with suppress(KeyboardInterrupt):
            scout.worker().drain()
    scout.submit_many([JobDraft("echo", label="a", tags=("gpu",)), JobDraft("echo", depends_on=("a",))])
    scout.submit("echo", delay=timedelta(hours=1))
    scout.jobs.cancel(scout.submit("echo"))
    return folder


@pytest.fixture
def bus(original, tmp_path):
    """A copy of it."""
    shutil.copytree(original / "bus", tmp_path / "bus")
    return tmp_path / "bus"


def only(bus, place):
    """The first file of a place."""
    return min((bus / "queues" / "default").glob(place))


def test_whatever_jobs_leave_is_of_format_1(bus):
    """Jobs in every state, their ledgers, logs, attachments, keys and rates: nothing is foreign, and all is looked at."""
    faults, looked_at = judge_path(bus)

    assert faults == []
    assert looked_at == len([each for each in lying(bus) if each.is_file()])
    there = {each.name for each in (bus / "queues" / "default").iterdir() if any(each.iterdir())}
    assert there >= {
        "waiting", "delayed", "blocked", "paused", "completed", "failed", "dead", "cancelled", "runs", "keys", "rates"
    }  # fmt: skip


PLANTED = {
    "an altered job": ("waiting/*", lambda raw: raw.replace(b'"gpu"', b'"cpu"'), "it was not signed by scout"),
    "an altered job that ended": ("completed/*/*", lambda raw: raw.replace(b'"k"', b'"K"'), "it was not signed by scout"),
    "an unsigned job": ("waiting/*", lambda raw: split(raw).body, "it is not signed"),
    "no JSON": ("waiting/*", lambda raw: raw[:-20], ""),
    "an altered result": ("runs/*/*.complete.json", lambda raw: raw.replace(b'"attempt":1', b'"attempt":2'),
                          "it was not signed by scout"),
    "a step of another number": ("runs/*/steps/0001.done.json", lambda raw: raw.replace(b'"number":1', b'"number":2'),
                                 "the number in it is another one than its name's"),
    "another file": ("runs/*/files/" + "?" * 64, lambda _raw: b"b", "the digest differs"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_an_altered_document_is_found_and_nothing_else(bus, name):
    """Whatever was altered in a sealed document, or does not fit its place, is named with its path and what is wrong."""
    place, alter, said = PLANTED[name]
    where = only(bus, place) if name != "an altered job that ended" else keyed(bus)
    altered = alter(where.read_bytes())
    assert altered != where.read_bytes()
    where.write_bytes(altered)

    (fault,) = {each.path: each for each in judge_path(bus)[0]}.values()

    assert fault.path == where.relative_to(bus).as_posix()
    assert (said in fault.rule, fault.weight) == (True, "error")


def keyed(bus):
    """The job that was submitted with a key."""
    return next(each for each in bus.glob("queues/default/completed/*/*") if b'"key":"k"' in each.read_bytes())


@pytest.mark.parametrize(
    ("place", "to", "said"),
    [
        ("waiting/*", "waiting/hello.json", "the name is none of"),
        ("delayed/*", "waiting/{name}", "the name is none of"),
        ("waiting/*", "../web/waiting/{name}", "it was submitted as default/"),
        ("completed/*/*", "completed/2020-01-01/{name}", "the name is none of <day of the id>"),
        (
            "runs/*/*.fail.json",
            "runs/01a1f9de-1d99-72bc-bdf7-9a7b3e80730a/{name}",
            "it was made for default/",
        ),
    ],
)
def test_a_document_in_another_place_is_found(bus, place, to, said):
    """A copy put elsewhere is no job there: the queue, the id and the place are inside, and are compared."""
    where = only(bus, place)
    copy = (bus / "queues" / "default" / to.format(name=where.name)).resolve()
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(where, copy)

    found = {fault.path: fault.rule for fault in judge_path(bus)[0]}

    assert list(found) == [copy.relative_to(bus).as_posix()]
    assert said in found[copy.relative_to(bus).as_posix()]


def test_a_job_sealed_as_something_else_is_no_job(original, bus):
    """Each kind of document is signed under its own line, so a message's signature makes no job."""
    scout = Agent("scout", bus=original / "bus", home=original / "home", durability="none")
    where = only(bus, "waiting/*")
    body = split(where.read_bytes()).body
    where.write_bytes(seal_body(body, Seal.MESSAGE, scout._services.signer.sign))

    assert [fault.rule for fault in judge_path(bus)[0]] == ["it was not signed by scout"]


def test_a_job_alone_is_judged_by_its_form(bus):
    """One file, without a bus around it, is judged as the job or the record that it says it is; a misspelt member is named."""
    for place in ("waiting/*", "runs/*/*.fail.json", "runs/*/children/*"):
        where = only(bus, place)
        misspelt = where.read_bytes().replace(b'"format":1', b'"format":1,"prioritty":1', 1)

        assert list(judge_document(where.name, where.read_bytes())) == []
        assert ["prioritty" in fault.rule for fault in judge_document(where.name, misspelt)] == [True]


@pytest.mark.parametrize("raw", [b"{broken", b"", b"\x00" * 40])
def test_what_was_set_aside_and_is_no_job_is_told(bus, raw):
    """A file under dead/ that is no job does not count as of format 1: it is a warning, for nobody acts on it."""
    dead = only(bus, "dead/*/*.json")
    dead.write_bytes(raw)

    faults, _ = judge_path(bus)

    assert [(each.path, each.weight) for each in faults] == [(dead.relative_to(bus).as_posix(), "warning")]
