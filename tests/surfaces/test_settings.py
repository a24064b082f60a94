"""Where a setting comes from: an argument beats the environment, that beats somabus.toml, that beats the default."""

import pytest

from somabus.cli.output import Exit

SOURCES = ["argument", "environment", "file"]


def who(shell, *order):
    """Return the name that `status` speaks for."""
    return shell(*order, "status", "--json").json["agent"]


@pytest.mark.parametrize("given", [SOURCES[n:] for n in range(3)], ids=" over ".join)
def test_the_nearer_source_names_the_agent(team, home, monkeypatch, given):
    """Of the names given by argument, environment and file, the first in this order counts."""
    for name in SOURCES:
        team("join", name)
    monkeypatch.delenv("SOMABUS_AGENT")
    if "environment" in given:
        monkeypatch.setenv("SOMABUS_AGENT", "environment")
    (home / "somabus.toml").write_text('agent = "file"')

    assert who(team, *(["--agent", "argument"] if "argument" in given else [])) == given[0]


@pytest.mark.parametrize("given", [SOURCES[n:] for n in range(3)], ids=" over ".join)
def test_the_nearer_source_names_the_bus(team, home, monkeypatch, given):
    """Of the buses given by argument, environment and file, the first in this order counts."""
    for name in SOURCES:
        team("init", name, "--name", name)
        team("--bus", name, "join", "scout")
    monkeypatch.delenv("SOMABUS_BUS")
    if "environment" in given:
        monkeypatch.setenv("SOMABUS_BUS", "environment")
    (home / "somabus.toml").write_text('bus = "file"')

    order = ["--bus", "argument"] if "argument" in given else []

    assert team(*order, "status", "--json").json["bus"]["name"] == given[0]


@pytest.mark.parametrize("given", [SOURCES[n:] for n in range(4)], ids=lambda given: " over ".join(given) or "default")
def test_the_nearer_source_sets_the_cadence(team, home, monkeypatch, given):
    """The cadence on the card is the one of the nearest source; without any it is every six hours."""
    if "environment" in given:
        monkeypatch.setenv("SOMABUS_EVERY", "2h")
    if "file" in given:
        (home / "somabus.toml").write_text('every = "3h"')
    order = ["--every", "1h"] if "argument" in given else []

    team("join", "newcomer", *order)

    (card,) = [peer["card"] for peer in team("peers", "--json").json["peers"] if peer["name"] == "newcomer"]
    cadences = {"argument": "1h", "environment": "2h", "file": "3h"}
    assert card["cadence"] == (cadences[given[0]] if given else "6h")


def test_the_key_lies_where_home_says(team, home, tmp_path, monkeypatch):
    """P7: `home` in the file moves the private key; the environment's SOMABUS_HOME beats it."""
    elsewhere = tmp_path / "elsewhere"
    (home / "somabus.toml").write_text(f'home = "{elsewhere}"')
    team("join", "first")
    monkeypatch.delenv("SOMABUS_HOME")
    team("join", "second")

    assert [path.parent.name for path in elsewhere.glob("buses/*/*/key")] == ["second"]


def test_the_file_is_found_from_a_folder_below(team, home, monkeypatch):
    """somabus.toml counts for the folder it lies in and all below, and its bus is meant from where it lies."""
    monkeypatch.delenv("SOMABUS_BUS")
    monkeypatch.delenv("SOMABUS_AGENT")
    (home / "somabus.toml").write_text('bus = "bus"\nagent = "planner"')
    below = home / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)

    assert who(team) == "planner"


def test_the_nearest_file_counts_alone(team, home, monkeypatch):
    """Of two files, the one nearer to the working folder is read; the other is not mixed in."""
    (home / "somabus.toml").write_text('agent = "planner"')
    below = home / "below"
    below.mkdir()
    (below / "somabus.toml").write_text(f'bus = "{team.bus}"')
    monkeypatch.delenv("SOMABUS_AGENT")
    monkeypatch.chdir(below)

    assert team("status").code == Exit.USAGE


def test_an_empty_variable_is_not_set(team, home, monkeypatch):
    """SOMABUS_AGENT= in a crontab line is as if it were not there: the file counts."""
    (home / "somabus.toml").write_text('agent = "planner"')
    monkeypatch.setenv("SOMABUS_AGENT", "")

    assert who(team) == "planner"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bus = 5", ["bus", "5"]),
        ('colour = "red"', ["colour", "red", "durability"]),
        ("every = 6", ["every", "6"]),
        ('[agent]\nname = "x"', ["agent", "name"]),
        ("bus = \n", ["line 1"]),
        ('every = "6h"\nagent = "scout\n', ["line 2"]),
    ],
    ids=ascii,
)
def test_a_bad_file_is_named_with_key_and_value(team, home, text, words):
    """A mistake in somabus.toml is exit 2; the answer names the file, and the key and value or the line."""
    (home / "somabus.toml").write_text(text)

    answer = team("inbox")

    assert answer.code == Exit.USAGE
    assert [word for word in [str(home / "somabus.toml"), *words] if word not in answer.err] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('every = "often"', ["every", "often"]),
        ('durability = "sure"', ["durability", "sure"]),
        ('agent = "../x"', ["../x"]),
    ],
    ids=ascii,
)
def test_a_bad_value_is_named_with_its_file(team, home, monkeypatch, text, words):
    """Who reads the error of a cron job learns which file to mend."""
    monkeypatch.delenv("SOMABUS_AGENT")
    monkeypatch.chdir(home)
    (home / "somabus.toml").write_text(text)
    order = [] if "agent" in text else ["--agent", "scout"]

    answer = team("inbox", *order)

    assert answer.code == Exit.USAGE
    assert [word for word in [str(home / "somabus.toml"), *words] if word not in answer.err] == []


def test_a_file_that_is_no_text_is_named(team, home):
    """A somabus.toml full of bytes is exit 2 with its name, no traceback."""
    (home / "somabus.toml").write_bytes(b"\xff\xfe\x00")

    answer = team("inbox")

    assert answer.code == Exit.USAGE
    assert str(home / "somabus.toml") in answer.err


@pytest.mark.parametrize("durability", ["full", "file", "none"])
def test_durability_is_a_setting(team, monkeypatch, durability):
    """SOMABUS_DURABILITY takes the three documented words."""
    monkeypatch.setenv("SOMABUS_DURABILITY", durability)

    assert team("send", "planner", "hi").code == Exit.DONE


def test_a_durability_that_does_not_exist_is_refused(team, monkeypatch):
    """A misspelt durability is exit 2 and the words that exist are told; it is never taken for the weakest."""
    monkeypatch.setenv("SOMABUS_DURABILITY", "ful")

    answer = team("send", "planner", "hi")

    assert answer.code == Exit.USAGE
    assert "full, file, none" in answer.err


def test_no_command_needs_a_file(team, home):
    """Without somabus.toml, without any but the two options, everything works."""
    assert not (home / "somabus.toml").exists()
    assert team("inbox", "--bus", str(team.bus), "--agent", "scout").code == Exit.NOTHING
