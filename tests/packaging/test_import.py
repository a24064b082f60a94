"""`import somabus` is light, does nothing, and later loads only what is used."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import somabus
from somabus import Agent, create_bus

PACKAGE = Path(somabus.__file__).parent
HEAVY = ["click", "watchdog", "rich", "filelock", "croniter", "nacl", "platformdirs"]
READS_ENVIRONMENT = {"settings.py", "connection.py", "site.py", "scheduler/pick.py", "cli", "demo"}
READS_CLOCK = {"clock.py", "store/driveclock.py", "store/directory/listing.py", "bench", "demo"}
CLOCKS = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}


def loaded_after(code):
    """Run code in a fresh process, and return the names of the modules that it has loaded afterwards."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=PACKAGE.parent, timeout=30, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def command(*words):
    """Return code that is the command, with these words behind it, in a process that goes on afterwards."""
    return (
        f"import sys; sys.argv = {['somabus', *words]!r}\n"
        "from somabus.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code"
    )


def sources():
    """Yield every module of the package as its path inside it and its syntax tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def allowed(path, places):
    """Tell whether a module is, or lies in, one of the places."""
    return any(path == place or path.startswith(f"{place}/") for place in places)


def dotted(node):
    """Return `a.b` for an attribute, with the last two names only: `datetime.datetime.now` is `datetime.now`."""
    if not isinstance(node, ast.Attribute):
        return ""
    owner = node.value
    first = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return f"{first}.{node.attr}"


@pytest.fixture(scope="module")
def loaded():
    """What a fresh process has loaded after `import somabus`."""
    return loaded_after("from somabus import Agent")


@pytest.mark.parametrize("name", HEAVY)
def test_import_somabus_loads_no_heavy_library(loaded, name):
    """A script that imports somabus waits for nothing that it does not use yet."""
    assert name not in loaded


def test_import_somabus_loads_no_adapter_but_the_folder(loaded):
    """Neither command line, demo, bench nor test tools come along with the library."""
    assert [
        name for name in loaded if name.startswith(("somabus.cli", "somabus.demo", "somabus.testing", "somabus.bench"))
    ] == []


def test_sending_loads_neither_watcher_nor_printer(tmp_path):
    """A script that joins and sends pays for keys, and not for file watching, locks or tables."""
    code = (
        "from somabus import Agent, create_bus\n"
        f"bus, home = {str(tmp_path / 'bus')!r}, {str(tmp_path / 'home')!r}\n"
        "create_bus(bus)\n"
        "for name in ('scout', 'planner'): agent = Agent(name, bus=bus, home=home, every='6h')\n"
        "agent.send('scout', 'hello')\n"
    )

    assert loaded_after(code) & {"click", "watchdog", "rich", "filelock", "croniter"} == set()


def test_a_program_keeps_its_own_garbage_collector(tmp_path):
    """Only the command, whose process is its own, lets the collector rest; a program that uses somabus is left alone."""
    code = f"""
import gc
before = gc.get_threshold()
from somabus import Agent, create_bus
create_bus({str(tmp_path / "bus")!r})
Agent("scout", bus={str(tmp_path / "bus")!r}, home={str(tmp_path / "home")!r}).beat()
assert (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()) == (True, before, 0)
"""

    loaded_after(code)  # it fails if the process does


def test_the_version_is_told_without_a_library_but_click():
    """`somabus --version` answers as soon as click can: it loads neither models nor keys nor settings."""
    loaded = loaded_after(command("--version"))

    assert loaded & {"pydantic", "orjson", "nacl", "logging", *HEAVY} == {"click"}
    assert {name for name in loaded if name.startswith("somabus.") and "cli" not in name} <= {
        "somabus.errors", "somabus.model", "somabus.model.text", "somabus.model.trust",
    }  # fmt: skip


def test_a_beat_with_nothing_to_do_loads_only_what_it_uses(tmp_path):
    """A scheduler that wakes an agent for nothing waits for no sender, no scheduler, no sweep and no cron library."""
    bus, home = str(tmp_path / "bus"), str(tmp_path / "home")
    create_bus(bus, home=home)
    Agent("scout", bus, home=home).beat()

    loaded = loaded_after(command("--bus", bus, "--agent", "scout", "beat", "--home", home))

    assert "somabus.beat" in loaded
    assert loaded & {"croniter", "watchdog", "rich", "logging.handlers"} == set()
    assert loaded & {f"somabus.{name}" for name in ("sender", "poster", "goals", "sweep.step", "scheduler")} == set()


def test_importing_every_module_changes_nothing_on_the_disk(tmp_path):
    """Importing any module, the demo's and the tests' included, makes no file and no folder."""
    modules = [
        ".".join(("somabus", *Path(path).with_suffix("").parts)).removesuffix(".__init__")
        for path, _ in sources()
        if not path.endswith("__main__.py") and path != "testing/contract.py"
    ]
    code = f"import importlib, os\nos.chdir({str(tmp_path)!r})\nfor name in {modules!r}: importlib.import_module(name)"

    loaded_after(f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); sys.dont_write_bytecode = True\n{code}")

    assert list(tmp_path.iterdir()) == []


def test_the_environment_is_read_in_few_places():
    """P7: what a process takes from its environment is found in the settings, the connection and the surfaces only."""
    found = {
        path
        for path, tree in sources()
        for node in ast.walk(tree)
        if dotted(node) in ("os.environ", "os.getenv", "os.environb")
    }

    assert {path for path in found if not allowed(path, READS_ENVIRONMENT)} == set()


def test_the_clock_is_read_in_few_places():
    """P10: time comes from the drive or is handed in; this machine's clock is read at the edge only."""
    found = {path for path, tree in sources() for node in ast.walk(tree) if dotted(node) in CLOCKS}

    assert {path for path in found if not allowed(path, READS_CLOCK)} == set()


def test_neither_is_hidden_behind_an_import_of_the_name():
    """`from os import environ` and `from time import time` would slip past the two tests above."""
    hidden = {("os", "environ"), ("os", "getenv"), ("time", "time"), ("time", "time_ns")}
    found = {
        (path, alias.name)
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if (node.module, alias.name) in hidden
    }

    assert found == set()


def test_nothing_is_read_at_import():
    """Environment and clock are looked at when something is done, never when a module is imported."""
    found = [
        (path, name)
        for path, tree in sources()
        for node in at_import(tree)
        if (name := dotted(node)) in CLOCKS | {"os.environ", "os.getenv", "os.urandom", "time.monotonic"}
    ]

    assert found == []


def at_import(tree):
    """Yield the nodes that run when a module is imported: everything outside of functions."""
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo += [*node.decorator_list, *node.args.defaults] if not isinstance(node, ast.Lambda) else []
            continue
        yield node
        todo += ast.iter_child_nodes(node)


def test_the_readers_of_syntax_find_what_they_look_for():
    """The tests above can fail: the readers see a clock and an environment where there is one."""
    tree = ast.parse("import os, datetime\nnow = datetime.datetime.now()\ndef f():\n    return os.environ['x']\n")

    assert "os.environ" in {dotted(node) for node in ast.walk(tree)}
    assert "datetime.now" in {dotted(node) for node in at_import(tree)}
    assert "os.environ" not in {dotted(node) for node in at_import(tree)}
