"""somabus without `somabus[nats]`: a bus in a folder needs nothing of it, and an address of a server says what is missing."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.surfaces.conftest import copied
from tests.surfaces.shell import environment
from tests.surfaces.test_every_command import ALL, begun  # noqa: F401 - the fixture

CHILD = """
import json, sys
sys.modules |= dict.fromkeys(["nats", "nkeys"])  # nobody can import these
from tests.surfaces.shell import Shell
shell = Shell()
def told(order):
    try:
        answer = shell(*order)
    except BaseException as error:
        return [-1, "", repr(error)]
    return [answer.code, answer.out, answer.err]
print(json.dumps([told(order) for order in json.load(sys.stdin)]))
"""
SOON = ("init", "send", "inbox", "beat", "post", "doctor", "copy", "stop")
"""The others are in the slow run."""
LOOK_NOWHERE = {"init", "schedule remove", "hooks uninstall"}  # a folder is named, or this machine is enough


def told(orders):
    """Give orders, one after the other, to a process that cannot import the extra; return code, output and errors of each."""
    found = {"PYTHONPATH": str(Path(__file__).parents[2])}  # `tests` lies where these are, and somabus may be installed
    done = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps([shlex.split(order) for order in orders]),
        capture_output=True, text=True, env=environment() | found, timeout=120, check=True,
    )  # fmt: skip
    return dict(zip(orders, json.loads(done.stdout), strict=True))


@pytest.fixture(params=[SOON, pytest.param(tuple(ALL), marks=pytest.mark.slow)], ids=["some", "all"])
def names(request):
    """The commands that are given."""
    return request.param


@pytest.fixture
def orders(names, begun, tmp_path, monkeypatch):  # noqa: F811 - the fixture
    """Commands of the table, on a copy of its bus."""
    folder, ids = begun
    copied(folder, tmp_path, monkeypatch)
    return [ALL[name].order.format(**ids, bus="bus") for name in names]


def test_a_bus_in_a_folder_needs_no_extra(orders, names):
    """Every command and its help answer on a folder as ever."""
    answers = told([*orders, *(f"{name} --help" for name in names)])

    assert {order: each for order, each in answers.items() if each[0] == -1} == {}
    assert answers["doctor"][0] in (0, 6)


def test_a_bus_on_a_server_says_what_is_missing(orders, names, monkeypatch):
    """Every command that would look there ends with 2 and names the extra."""
    monkeypatch.setenv("SOMABUS_BUS", "nats://127.0.0.1:1/soma")
    orders = [
        order.replace(" bus", " nats://127.0.0.1:1/soma")
        for name, order in zip(names, orders, strict=True)
        if name not in LOOK_NOWHERE
    ]

    answers = told(orders)

    silent = {order: each for order, each in answers.items() if each[0] != 2 or "somabus[nats]" not in each[2]}
    assert silent == {}
