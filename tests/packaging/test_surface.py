"""The public surface: names, reference page, errors, docstrings, version."""

import ast
import importlib
import inspect
import pickle
import pkgutil
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import somabus
from somabus import errors

PROJECT = Path(__file__).parents[2]
PACKAGE = Path(somabus.__file__).parent
AT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
FACTS = {
    "SomabusError": ("a sentence",),
    "ConfigurationError": ("a sentence",),
    "NotABusError": ("X:/bus",),
    "IsACopyError": ("X:/bus",),
    "InvalidNameError": ("../x", "the rule"),
    "UnknownRecipientError": ("planer", ("planner",)),
    "NotJoinedError": ("planer", ("planner",), "/home/me/somabus"),
    "NameTakenError": ("scout", "1a2b3c4d"),
    "StoppedError": ("Agent.send", "the whole bus", "a fire", "anna"),
    "UnsafeKeyError": ("/home/me/key",),
    "SchedulerError": ("crontab", "is not installed here"),
    "MessageError": ("a sentence",),
    "MalformedMessageError": ("no JSON",),
    "UnsupportedFormatError": (2,),
    "MessageTooLargeError": (300_000, 262_144),
    "ReferenceNotFoundError": ("reply_to", "an id"),
    "JobRefusedError": ("it would be 6 children deep",),
    "JobNotFoundError": ("web/7",),
    "JobStateError": ("web/7", "completed", "cancel", ("waiting", "active")),
    "OtherChildError": ("web/7", 2, "fetch"),
    "QueueFullError": ("web", 1000, 1000),
    "BudgetError": ("web/7", "tokens", 49_000.0, 50_000.0, 2_000.0),
    "ChildFailedError": ("web/7", "failed", "no"),
    "TrustError": ("not signed",),
    "RateLimitError": ("channel general", 20_000, AT),
    "StaleVersionError": ("the scratchpad of arc:wiki", 7, 9),
    "LeaseHeldError": ("deploy", "planner (here 1)", AT),
    "LeaseLostError": ("deploy", 3),
}
STORE_FACTS = ("a/key", "a detail")
CLASSES = sorted(
    (each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, Exception)),
    key=lambda each: each.__name__,
)


def make(kind):
    """Make an error with the facts that its constructor takes."""
    return kind(*FACTS.get(kind.__name__, STORE_FACTS))


def modules():
    """Return the names of all modules of the package."""
    found = [each.name for each in pkgutil.walk_packages([str(PACKAGE)], "somabus.")]
    return ["somabus", *(name for name in found if name != "somabus.__main__")]


def public(tree):
    """Yield the public functions and classes of a syntax tree, and the public members of those classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


def drawn():
    """Return the tree in the docstring of somabus.errors as pairs of an error's name and its parent's."""
    parents, pairs = {}, []
    for line in str(errors.__doc__).splitlines():
        found = re.match(r"    (?P<lead>[│├└─ ]*)(?P<name>[A-Z]\w+Error)\b", line)
        if found is None:
            continue
        depth = len(found["lead"]) // 4
        parents[depth] = found["name"]
        pairs.append((found["name"], parents.get(depth - 1)))
    return pairs


# -- names ----------------------------------------------------------------------------------------------------


def test_the_names_are_sorted_and_stand_once():
    """`somabus.__all__` is a list to read: sorted, nothing twice."""
    assert somabus.__all__ == sorted(set(somabus.__all__))


@pytest.mark.parametrize("name", somabus.__all__)
def test_every_name_can_be_imported(name):
    """What `__all__` names is there, is documented, and was made by somabus."""
    thing = getattr(somabus, name)

    assert thing.__module__.split(".")[0] == "somabus"
    assert inspect.getdoc(thing)


def test_nothing_public_is_left_out():
    """Whatever the package imports under a public name is in `__all__`: there is no half-public name."""
    offered = {
        name
        for name in dir(somabus)
        if not name.startswith("_") and getattr(getattr(somabus, name), "__module__", "").startswith("somabus")
    }

    assert offered == set(somabus.__all__)
    assert {name for names in somabus._FROM.values() for name in names} == offered


def test_a_name_that_is_none_is_refused():
    """A misspelt name is an ImportError like any other."""
    with pytest.raises(ImportError):
        from somabus import Agnet  # noqa: F401


def test_the_reference_page_lists_exactly_the_names():
    """docs/reference.md has one heading for each public name and none for anything else, in the same order."""
    page = (PROJECT / "docs" / "reference.md").read_text(encoding="utf-8")

    assert re.findall(r"^### `([A-Za-z_]\w*)`", page, re.MULTILINE) == somabus.__all__


def test_there_are_at_most_thirty_names():
    """The surface is small enough to be learned: a name more is a decision, not an accident."""
    assert len(somabus.__all__) <= 30


def test_the_types_of_the_package_are_for_users_too():
    """Type checkers of users read somabus's annotations: the marker is there."""
    assert (PACKAGE / "py.typed").exists()


def test_the_version_is_the_newest_of_the_changelog():
    """The changelog's top entry describes the version that is installed."""
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    entries = re.findall(r"^## \[(\d+\.\d+\.\d+[^\]]*)\]", text, re.MULTILINE)

    assert entries[0] == somabus.__version__


# -- errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_belongs_to_the_tree(kind):
    """`except SomabusError` catches whatever somabus raises on purpose, and every name ends in Error."""
    assert issubclass(kind, errors.SomabusError)
    assert kind.__name__.endswith("Error")
    assert kind.__module__ == "somabus.errors"


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_says_what_still_holds(kind):
    """The docstring of an error is its own, not its parent's."""
    assert kind.__doc__
    assert kind.__doc__ != kind.__mro__[1].__doc__


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_survives_a_pickle(kind):
    """An error that crosses a process keeps its class, its facts and its sentence."""
    error = make(kind)

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(again) is kind
    assert vars(again) == vars(error)
    assert str(again) == str(error)
    assert again.args == error.args


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_is_one_sentence(kind):
    """`str(error)` is one line without a full stop, fit for a log line and for a terminal."""
    said = str(make(kind))

    assert said
    assert "\n" not in said
    assert not said.endswith(".")


@pytest.mark.parametrize(
    "kind", [each for each in CLASSES if each.__init__ is not Exception.__init__], ids=lambda kind: kind.__name__
)
def test_the_facts_of_an_error_are_attributes(kind):
    """Programs read the facts of an error and need not take its sentence apart."""
    given = FACTS.get(kind.__name__, STORE_FACTS)

    assert tuple(vars(make(kind)).values()) == given


@pytest.mark.parametrize(
    "make_one",
    [
        lambda text: errors.InvalidNameError(text, "the rule"),
        errors.UnknownRecipientError,
        errors.UnsupportedFormatError,
        lambda text: errors.ReferenceNotFoundError("reply_to", text),
        lambda text: errors.NameTakenError(text, "1a2b3c4d"),
        lambda text: errors.LeaseLostError(text, 3),
        lambda text: errors.RateLimitError(text, 20_000, AT),
        lambda text: errors.StaleVersionError(text, 7, 9),
        lambda text: errors.SchedulerError("crontab", text),
        errors.JobRefusedError,
        errors.JobNotFoundError,
        lambda text: errors.JobStateError(text, "completed", "cancel", ("waiting",)),
        lambda text: errors.OtherChildError(text, 2, text),
        lambda text: errors.QueueFullError(text, 3, 3),
        lambda text: errors.BudgetError("web/7", text, 3.0, 4.0),
        lambda text: errors.ChildFailedError(text, "failed", text),
        errors.StoreUnavailableError,
        errors.InvalidKeyError,
        pytest.param(lambda text: errors.LeaseHeldError("deploy", text, AT)),
    ],
)
def test_foreign_text_in_an_error_cannot_forge_a_line(make_one):
    """A name, key or holder from outside is quoted in the sentence: no line end, no escape."""
    said = str(make_one("\x1b[31m\nx"))

    assert "\n" not in said
    assert "\x1b" not in said


def test_the_tree_in_the_docstring_is_the_tree():
    """The tree that is drawn on top of somabus.errors shows every error once, under its true parent."""
    real = {(kind.__name__, None if kind is errors.SomabusError else kind.__mro__[1].__name__) for kind in CLASSES}

    assert set(drawn()) == real
    assert len(drawn()) == len(real)


# -- docstrings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", modules())
def test_every_public_thing_has_a_docstring(name):
    """Whatever has a public name says in its docstring what the caller may rely on."""
    path = inspect.getsourcefile(importlib.import_module(name))
    tree = ast.parse(Path(str(path)).read_text(encoding="utf-8"))

    bare = [node.name for node in public(tree) if not ast.get_docstring(node)]

    assert ast.get_docstring(tree)
    assert bare == []
