"""`--script`: a Python file whose setup(agent) registers handlers; what goes wrong in it is told with its name."""

import pytest

from somabus.cli.output import Exit


@pytest.fixture
def script(home):
    """Write a script and return its name."""

    def write(text, name="my_agent.py"):
        (home / name).write_text(text)
        return name

    return write


def test_a_handler_of_a_script_answers(team, script):
    """What a handler returns is sent back as the answer."""
    name = script("def setup(agent):\n    agent.on('question')(lambda message: f'you said {message.body}')\n")
    team.send("hello", "--kind", "question")

    report = team("beat", "--script", name, "--agent", "planner", "--json")

    assert report.json["handled"] == 1
    assert team("read", "--json").json["message"]["body"] == "you said hello"


def test_mail_that_a_script_does_not_handle_stays_and_is_counted(team, script):
    """P1: a beat with a script leaves the kinds it knows nothing of where they wait."""
    name = script("def setup(agent):\n    agent.on('question')(lambda message: 'yes')\n")
    team.send("a note")

    report = team("beat", "--script", name, "--agent", "planner", "--json").json

    assert (report["handled"], report["unread"]) == (0, 1)


def test_a_script_may_use_its_own_names(team, script):
    """Functions, constants and classes of the script are there when the handler runs."""
    name = script(
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Place:\n    name: str\n"
        "HERE = Place('here')\n"
        "def where():\n    return HERE.name\n"
        "def setup(agent):\n    agent.on('question')(lambda message: where())\n"
    )
    team.send("?", "--kind", "question")

    team("beat", "--script", name, "--agent", "planner")

    assert team("read", "--json").json["message"]["body"] == "here"


def test_a_handler_that_raises_gives_its_message_back(team, script):
    """P1: a message whose handler raised comes again later; the beat is no failure of the routine."""
    name = script("def setup(agent):\n    @agent.on('*')\n    def handle(message):\n        raise RuntimeError('no')\n")
    sent = team.send("hello")

    report = team("beat", "--script", name, "--agent", "planner", "--json")

    assert report.code == Exit.DONE
    assert report.json["failed"] == 1
    assert team("trace", "planner", sent, "--json").json["trace"]["state"] == "delayed"


def test_a_check_that_fails_stands_in_the_report(team, script):
    """An agent's own health check that raises is told in the report and in the heartbeat."""
    name = script("def setup(agent):\n    @agent.check\n    def disk():\n        raise OSError('full')\n")

    report = team("beat", "--script", name, "--json").json

    assert report["checks"] == {"disk": "failed: OSError: full"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raise RuntimeError('boom')", ["RuntimeError", "boom"]),
        ("def setup(agent)", ["SyntaxError", "line 1"]),
        ("import not_there", ["ModuleNotFoundError", "not_there"]),
        ("x = 1", ["setup(agent)"]),
        ("setup = 1", ["setup(agent)"]),
        ("", ["setup(agent)"]),
        ("def setup():\n    pass", ["TypeError", "setup()"]),
        ("def setup(agent):\n    agent.nothing()", ["AttributeError", "nothing"]),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_script_that_is_wrong_is_named_with_what_is_wrong(team, script, text, words):
    """A script that raises, cannot be read or has no setup(agent) is exit 2, with its name and the cause."""
    answer = team("beat", "--script", script(text))

    assert answer.code == Exit.USAGE, answer
    assert [word for word in ["my_agent.py", *words] if word not in answer.err] == []
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize("arguments", ["", "a, b, c", "a, b, c, d=1"])
def test_a_handler_with_a_wrong_number_of_arguments_is_refused(team, script, arguments):
    """A handler takes (message) or (message, delivery): anything else is exit 2 before any mail is taken."""
    team.send("hello", to="scout")
    name = script(f"def setup(agent):\n    agent.on('note')(lambda {arguments}: 1)\n")

    answer = team("beat", "--script", name)

    assert answer.code == Exit.USAGE
    assert "(message) or (message, delivery)" in answer.err
    assert len(team.mail("scout")) == 1


def test_a_handler_for_a_kind_that_cannot_be_is_refused(team, script):
    """A kind that no message can have is exit 2: the handler would never run."""
    answer = team("beat", "--script", script("def setup(agent):\n    agent.on('Two Words')(print)\n"))

    assert answer.code == Exit.USAGE
    assert "'Two Words'" in answer.err


@pytest.mark.parametrize("kind", ["handler", "kind"])
def test_what_somabus_refuses_in_a_script_names_the_script(team, script, kind):
    """Whatever is wrong in a script, the answer names the script."""
    line = "agent.on('note')(lambda: 1)" if kind == "handler" else "agent.on('Two Words')(print)"

    assert "my_agent.py" in team("beat", "--script", script(f"def setup(agent):\n    {line}\n")).err


@pytest.mark.parametrize("code", ["", "0", "3"])
def test_a_script_that_exits_is_no_beat(team, script, code):
    """P5: a script that calls sys.exit() is not mistaken for a beat that ran, or for an empty inbox."""
    answer = team("beat", "--script", script(f"import sys\nsys.exit({code})"))

    assert answer.code == Exit.USAGE


def test_a_script_may_import_what_lies_beside_it(team, script, home):
    """A script finds the modules in its own folder, as it does when Python runs it."""
    (home / "agents").mkdir()
    script("ANSWER = 'beside'", "agents/beside_it.py")
    name = script(
        "import beside_it\ndef setup(agent):\n    agent.on('question')(lambda message: beside_it.ANSWER)\n",
        "agents/my_agent.py",
    )

    assert team("beat", "--script", name).code == Exit.DONE


def test_a_script_that_is_not_there_is_named(team):
    """A mistyped script is exit 2, and the answer names it and what is needed; no mail is acknowledged instead."""
    answer = team("beat", "--script", "missing.py")

    assert answer.code == Exit.USAGE
    assert "missing.py: there is no such file" in answer.err
    assert team("status", "--json").json["beat"] is None
