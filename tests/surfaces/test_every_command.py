"""The table of all commands: what each of them answers, and what all of them have in common."""

import shlex
from dataclasses import dataclass

import click
import pytest

from somabus.cli.group import cli
from tests.surfaces.conftest import machine, on_a_bus


@dataclass(frozen=True)
class Use:
    """One command in ordinary use by `scout`, for whom one message waits, with what a program reads from its answer.

    `{waiting}` is the id of the message that waits, `{sent}` that of one sent to `planner`.
    """

    order: str
    facts: tuple[str, ...]
    unread: int | None = None
    code: int = 0


ALL = {
    "init": Use("init new --name n", ("bus", "path")),
    "join": Use("join scout --skill search", ("agent", "short", "bus"), unread=1),
    "send": Use("send planner hi --kind status", ("receipt",), unread=1),
    "inbox": Use("inbox --limit 5", ("messages", "unreadable", "counts"), unread=1),
    "read": Use("read {waiting}", ("message", "from"), unread=0),
    "reply": Use("reply {waiting} yes", ("receipt",), unread=0),
    "dead": Use("dead", ("dead",), unread=1, code=3),
    "share": Use("share smb 'links hold' --confidence 0.8", ("number",), unread=1),
    "learn": Use("learn smb 'links hold'", ("noted",)),
    "peers": Use("peers", ("peers",), unread=1),
    "trace": Use("trace planner {sent}", ("trace",), unread=1),
    "status": Use("status", ("bus", "agent", "short", "counts", "beat", "peers"), unread=1),
    "verify": Use("verify bus", ("faults", "documents")),
    "bench": Use("bench bus --messages 20 --rounds 1 --durability none", ("durability", "messages", "rounds", "rows")),
    "withdraw": Use("withdraw planner {sent}", ("trace",), unread=1),
    "beat": Use("beat", ("agent", "number", "outcome", "steps", "missed", "dead", "peers"), unread=0),
    "due": Use("due", ("due",), unread=1),
}
LASTING = {"demo", "run"}  # played with real processes in test_processes.py
WITHOUT_MAIL = {"init", "learn", "verify", "bench"}  # these work without looking into an inbox


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """Return a function that runs a command of the table on a bus of its own, with shared options around it."""
    said = {}

    def run(name, *, before=(), behind=(), settings=True):
        asked = (name, tuple(before), tuple(behind), settings)
        if asked not in said:
            with pytest.MonkeyPatch.context() as patch:
                machine(tmp_path_factory.mktemp(name), patch)
                said[asked] = play(on_a_bus(patch), patch, *asked)
        return said[asked]

    return run


def play(team, patch, name, before, behind, settings):
    """Let a message wait for scout, send one to planner, and run the command."""
    waiting = team("send", "scout", "a question", "--agent", "planner", "--json").json["receipt"]["id"]
    order = shlex.split(ALL[name].order.format(waiting=waiting, sent=team.send()))
    if not settings:
        patch.delenv("SOMABUS_BUS")
        patch.delenv("SOMABUS_AGENT")
    return team(*before, *order, *behind)


def command(name):
    """Return a command by its name."""
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


def names():
    """All commands, as the help lists them."""
    return cli.list_commands(click.Context(cli))


def test_the_table_has_every_command():
    """Every command that the help lists is held to what stands below."""
    assert set(names()) == set(ALL) | LASTING
    assert len(names()) == len(set(names()))


@pytest.mark.parametrize("name", names())
def test_help_says_what_the_command_does_and_shows_an_example(shell, name):
    """`--help` and `-h` of every command open with a sentence on what it does and end with an example of it."""
    told = shell(name, "--help")

    assert told.code == 0
    assert told.out == shell(name, "-h").out
    assert str(command(name).help).strip().splitlines()[0].endswith(".")
    assert f"Example: somabus {name}" in told.out


@pytest.mark.parametrize("name", names())
def test_the_example_in_the_help_is_accepted(shell, name, home):
    """The example of a command's help can be typed as it stands: its options and arguments exist."""
    (home / "my_agent.py").touch()
    (home / "X:" / "soma_network").mkdir(parents=True)
    example = str(command(name).epilog).removeprefix("Example: ")

    for each in example.split("&&"):
        program, first, *arguments = shlex.split(each)
        assert program == "somabus"
        command(first).make_context(first, arguments)


@pytest.mark.parametrize("name", names())
def test_help_of_every_command_names_the_shared_options(shell, name):
    """The help of each command is complete: it has the options for bus, agent and JSON, too."""
    told = shell(name, "--help").out

    assert [option for option in ("--bus PATH", "--agent NAME", "--json") if option not in told] == []


def test_the_list_of_commands_has_a_whole_sentence_for_each(shell):
    """`somabus --help` tells in one line each what a command is for; no line is cut."""
    listed = shell("--help").out.split("Commands:\n")[1].splitlines()

    assert [line for line in listed if line.endswith("...")] == []


@pytest.mark.parametrize("name", ALL)
def test_every_command_answers_in_words(used, name):
    """In ordinary use a command says something to a person, says nothing on stderr, and exits as documented."""
    answer = used(name)

    assert answer.code == ALL[name].code, answer
    assert answer.out.strip()
    assert answer.err == ""


@pytest.mark.parametrize("name", ALL)
def test_every_command_answers_one_json_object(used, name):
    """With --json, standard output is one JSON object with the facts that programs rely on, and the same exit code."""
    answer = used(name, behind=["--json"])

    assert answer.code == ALL[name].code, answer
    assert set(ALL[name].facts) <= set(answer.json), answer
    assert answer.out.count("\n") == 1


@pytest.mark.parametrize("name", [name for name in ALL if name not in WITHOUT_MAIL])
def test_the_json_carries_how_much_mail_waits(used, name):
    """P6: whatever a program asks, `unread` tells how much mail waits for it now, so that it cannot miss any."""
    assert used(name, behind=["--json"]).json["unread"] == ALL[name].unread


@pytest.mark.parametrize("name", [name for name in ALL if name not in {*WITHOUT_MAIL, "beat"}])
def test_the_words_carry_how_much_mail_waits(used, name):
    """P6: the last line for a person is `unread` and the number, whatever was asked."""
    assert used(name).out.splitlines()[-1] == f"unread {ALL[name].unread}"


@pytest.mark.parametrize("where", ["before", "behind"])
@pytest.mark.parametrize("name", ALL)
def test_shared_options_may_stand_before_and_behind(used, name, where):
    """--bus, --agent and --json mean the same before a command and behind it, without any other setting."""
    answer = used(name, settings=False, **{where: ["--bus", "bus", "--agent", "scout", "--json"]})

    assert answer.code == ALL[name].code, answer
    assert set(ALL[name].facts) <= set(answer.json)


def test_the_option_behind_the_command_wins(team):
    """Of two values for one shared option, the one behind the command counts: the one typed last."""
    answer = team("--agent", "scout", "status", "--agent", "planner", "--json")

    assert answer.json["agent"] == "planner"
