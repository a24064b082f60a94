"""`import somabus` is light, does nothing, and later loads only what is used."""

import ast
import inspect
import json
import subprocess
import sys
import typing
from functools import cache
from pathlib import Path

import pytest

import somabus
from somabus import Agent, create_bus

PACKAGE = Path(somabus.__file__).parent
HEAVY = ["click", "watchdog", "rich", "filelock", "croniter", "nacl", "platformdirs"]
READS_ENVIRONMENT = {"settings.py", "connection.py", "site.py", "scheduler/pick.py", "cli", "demo"}
READS_CLOCK = {
    "clock.py",
    "store/driveclock.py",
    "store/directory/listing.py",
    "store/directory/stamp.py",
    "bench",
    "demo",
}
NOT_FOR_NOTHING = [
    "sender", "poster", "goals", "approvals", "arcs", "trace", "letter", "post", "sidechannel", "audit", "sweep.step",
    "scheduler", "store.deadline", "cli.signals", "model.draft", "model.receipt", "model.shapes", "model.certificate",
    "model.audit", "model.approval", "model.agenda", "model.address",
]  # fmt: skip
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


@cache
def sources():
    """Return every module of the package as its path inside it and all nodes of its syntax tree, the tree itself first."""
    return [
        (path.relative_to(PACKAGE).as_posix(), list(ast.walk(ast.parse(path.read_text(encoding="utf-8")))))
        for path in sorted(PACKAGE.rglob("*.py"))
    ]


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


@pytest.fixture(scope="module")
def beaten(tmp_path_factory):
    """What a fresh process has loaded after a beat with nothing to do."""
    return loaded_after(idle_beat(tmp_path_factory.mktemp("idle")))


def test_a_beat_with_nothing_to_do_loads_only_what_it_uses(beaten):
    """A scheduler that wakes an agent for nothing waits for nothing that only mail, posts, humans or a due sweep need."""
    assert "somabus.beat" in beaten
    assert beaten & {f"somabus.{name}" for name in NOT_FOR_NOTHING} == set()


def test_a_beat_with_nothing_to_do_loads_no_library_in_vain(beaten):
    """It waits for no cron, no watcher, no tables, and for no library of mail or archives that others drag along."""
    assert "pydantic" in beaten
    assert beaten & {"croniter", "watchdog", "rich", "logging.handlers", "asyncio"} == set()
    assert beaten & {"importlib.metadata", "email.message", "zipfile", "shutil", "socket", "signal", "queue"} == set()


def test_a_script_has_its_pydantic_plugins(tmp_path):
    """The search for plugins is left out where somabus runs alone, and never for the models of a script."""
    plugin(tmp_path)
    (tmp_path / "script.py").write_text(
        "import loud\nfrom pydantic import BaseModel\n"
        "class Lead(BaseModel): name: str\n"
        "def setup(agent): assert 'Lead' in loud.seen, loud.seen\n"
    )

    assert "loud" in loaded_after(idle_beat(tmp_path, "--script", str(tmp_path / "script.py")))
    assert "loud" not in loaded_after(idle_beat(tmp_path))


def test_whoever_asks_for_metadata_meanwhile_gets_it(tmp_path):
    """What stands in for `importlib.metadata` while the search is left out is as good as the real one, and goes again."""
    code = """
import os, sys
from somabus.cli import plugins
with plugins.left_out():
    from importlib.metadata import entry_points
    assert "email.message" not in sys.modules
    assert list(entry_points(group="console_scripts"))
    import importlib.metadata
    assert importlib.metadata.version("click")
    from importlib.metadata import version
    assert version("click")
import importlib.metadata
assert importlib.metadata.version is version and type(importlib.metadata).__name__ == "module"
assert "PYDANTIC_DISABLE_PLUGINS" not in os.environ
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "mine"
with plugins.left_out(): assert os.environ["PYDANTIC_DISABLE_PLUGINS"] == "mine"
assert os.environ["PYDANTIC_DISABLE_PLUGINS"] == "mine"
"""

    assert "email.message" in loaded_after(code)


def idle_beat(folder, *words):
    """Return code that beats once more for an agent that has nothing to do; its folder comes first where is imported."""
    bus, home = str(folder / "bus"), str(folder / "home")
    if not (folder / "bus").exists():
        create_bus(bus, home=home)
        Agent("scout", bus, home=home).beat()
    beat = command("--bus", bus, "--agent", "scout", "beat", "--home", home, *words)
    return f"import sys; sys.path.insert(0, {str(folder)!r})\n{beat}"


def plugin(folder):
    """Install a plugin of pydantic that notes which models were made."""
    facts = folder / "loud-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[pydantic]\nloud = loud:plugin\n")
    (folder / "loud.py").write_text(
        "seen = set()\n"
        "class Plugin:\n"
        "    def new_schema_validator(self, schema, schema_type, *rest):\n"
        "        seen.add(schema_type.__name__)\n"
        "        return None, None, None\n"
        "plugin = Plugin()\n"
    )


def test_the_hints_of_an_agent_can_be_read():
    """Whoever makes tools of an agent's methods reads their hints; the public names in them are imported then."""
    methods = [value for value in vars(Agent).values() if inspect.isfunction(value)]

    assert len(methods) > 40
    assert {unread(method) for method in methods} & set(somabus.__all__) == set()


def unread(method):
    """Return the first name in the hints of a method that cannot be resolved, or None."""
    try:
        typing.get_type_hints(method)
    except NameError as error:
        return error.name
    return None


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
        for path, nodes in sources()
        for node in nodes
        if dotted(node) in ("os.environ", "os.getenv", "os.environb")
    }

    assert {path for path in found if not allowed(path, READS_ENVIRONMENT)} == set()


def test_the_clock_is_read_in_few_places():
    """P10: time comes from the drive or is handed in; this machine's clock is read at the edge only."""
    found = {path for path, nodes in sources() for node in nodes if dotted(node) in CLOCKS}

    assert {path for path in found if not allowed(path, READS_CLOCK)} == set()


def test_neither_is_hidden_behind_an_import_of_the_name():
    """`from os import environ` and `from time import time` would slip past the two tests above."""
    hidden = {("os", "environ"), ("os", "getenv"), ("time", "time"), ("time", "time_ns")}
    found = {
        (path, alias.name)
        for path, nodes in sources()
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if (node.module, alias.name) in hidden
    }

    assert found == set()


def test_nothing_is_read_at_import():
    """Environment and clock are looked at when something is done, never when a module is imported."""
    found = [
        (path, name)
        for path, (tree, *_) in sources()
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
