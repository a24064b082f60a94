"""Jobs on a server: the same queues, the same promises, nothing of them knows where it lies."""

import threading
from datetime import timedelta

import pytest

from somabus import Agent, JobDraft, create_bus
from somabus.model.ticket import JobState


def team(server, tmp_path):
    """Two agents on a bus of a server."""
    create_bus(f"{server.url}/soma", home=tmp_path)
    return [Agent(name, bus=f"{server.url}/soma", home=tmp_path / name, every="1h") for name in ("scout", "planner")]


def test_jobs_run_on_a_server(server, tmp_path):
    """A key, a graph, children, a step and an outcome: what runs on a folder runs on a server."""
    scout, planner = team(server, tmp_path)

    @planner.handler("family")
    def family(ctx):
        for n in range(3):
            ctx.submit("echo", {"n": n})
        return [each.result["n"] for each in ctx.gather()] + [ctx.step("once", lambda: 7)]

    first, again = scout.submit("family", key="k"), scout.submit("family", key="k")
    graph = scout.submit_many([JobDraft("noop", label="a"), JobDraft("aggregate", depends_on=("a",))])
    planner.worker().drain()

    assert again.duplicate
    assert scout.jobs.outcome(first).result == [0, 1, 2, 7]
    assert scout.jobs.find(graph[1]).state is JobState.COMPLETED


@pytest.mark.slow
def test_a_server_that_is_killed_loses_no_job(server, tmp_path):
    """P1: the server is killed with -9 while two workers work; each job is done, and its step took effect once."""
    scout, planner = team(server, tmp_path)
    effects, lock, stop = [], threading.Lock(), threading.Event()

    def pay(n):
        with lock:
            effects.append(n)

    planner.handler("pay")(lambda ctx: ctx.step("pay", pay, ctx.data["n"]))
    jobs = scout.submit_many([JobDraft("pay", {"n": n}) for n in range(60)])
    workers = [planner.worker(lease_for=timedelta(seconds=2)) for _ in range(2)]
    threads = [threading.Thread(target=each.until, args=(stop,)) for each in workers]
    for each in threads:
        each.start()
    for _ in range(2):
        while len(effects) < 60 and not stop.wait(0.1):
            break
        server.kill()
        server.start()
    ended, deadline = set(), threading.Event()
    for _ in range(600):
        ended = {job.id for job in jobs if _over(scout, job)}
        if len(ended) == len(jobs):
            break
        deadline.wait(0.1)
    stop.set()
    for each in threads:
        each.join()

    states = [scout.jobs.find(job).state for job in jobs]
    assert set(states) <= {JobState.COMPLETED, JobState.PAUSED}, "a step in doubt waits for a human"
    assert len(effects) == len(set(effects)), "no step took effect twice"
    assert len(effects) >= states.count(JobState.COMPLETED)


def _over(agent, job):
    """Tell whether a job has ended, or waits for a human."""
    try:
        view = agent.jobs.find(job)
    except Exception:  # noqa: BLE001 - the server is away for a moment
        return False
    return view is not None and (view.state.ended or view.state is JobState.PAUSED)
