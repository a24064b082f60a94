"""The table of all commands: what each of them answers, and what all of them have in common."""

import shlex
from dataclasses import dataclass

import click
import pytest

from somabus.cli.group import cli
from somabus.cli.jobs import Shows
from tests.surfaces.conftest import copied, machine, on_a_bus


@dataclass(frozen=True)
class Use:
    """One command in ordinary use by `scout`, for whom one message waits, with what a program reads from its answer.

    `{waiting}` is the id of the message that waits, `{sent}` that of one sent to `planner`; `{goal}`, `{proposal}` and
    `{approval}` are those of the bus's operator `anna` and of planner, `{short}` is planner's key; planner has opened
    `arc:wiki`. `{job}` waits, `{failed}` has failed, `{doubtful}` waits for a human's word about its first step. `first` is typed before. `beside` is what stderr begins with, where standard output is for a file.
    """

    order: str
    facts: tuple[str, ...]
    unread: int | None = None
    code: int = 0
    first: str = ""
    beside: str = ""


KEY = "6SEKgXMpxVYD98JPqjVfYXHPsC2aTXRHHvcjHR8OWsU"  # of an operator on another machine
ARC = ("arc", "open", "owner", "claimed", "age", "brief", "last", "pairs", "notes")
COPIED = ("documents", "written", "removed", "digest", "finished", "left")
JOB_FACTS = (
    "job", "cause", "worker", "tries", "steps", "children", "progress", "spent", "attachments", "outcome",
)  # fmt: skip
CHANGE = ("path", "changed", "added", "replaced", "removed")
HANDLERS = """
def setup(agent):
    agent.handler("fail")(lambda ctx: 1 / 0)
    agent.handler("doubt")(lambda ctx: ctx.step("pay", die))

def die():
    raise KeyboardInterrupt
"""
ALL = {
    "init": Use("init new --name n", ("bus", "path")),
    "join": Use("join scout --skill search", ("agent", "short", "bus"), unread=1),
    "send": Use("send planner hi --kind status", ("receipt",), unread=1),
    "inbox": Use("inbox --limit 5", ("messages", "unreadable", "counts"), unread=1),
    "read": Use("read {waiting}", ("message", "from"), unread=0),
    "reply": Use("reply {waiting} yes", ("receipt",), unread=0),
    "post": Use("post arc:wiki 'half of it' --kind status", ("receipt",), unread=1),
    "channels": Use("channels", ("channels",), unread=1),
    "subscribe": Use("subscribe arc:wiki", ("channel", "changed"), unread=2),  # with what was posted before
    "unsubscribe": Use("unsubscribe arc:wiki", ("channel", "changed"), unread=1, first="subscribe arc:wiki"),
    "arcs": Use("arcs arc:wiki", (*ARC, "traffic"), unread=1),
    "pad": Use("pad arc:wiki", ("version", "owner"), unread=1),
    "pair": Use("pair planner --on arc:wiki", ("receipt",), unread=1),
    "echo": Use("echo planner {short}", ("receipt",), unread=1),
    "wait": Use("wait --for 1s", ("grown",), unread=1),
    "dead": Use("dead", ("dead",), unread=1, code=3),
    "share": Use("share smb 'links hold' --confidence 0.8", ("number",), unread=1),
    "learn": Use("learn smb 'links hold'", ("noted",), unread=1),
    "peers": Use("peers", ("peers",), unread=1),
    "trace": Use("trace planner {sent}", ("trace",), unread=1),
    "status": Use(
        "status", ("bus", "agent", "short", "counts", "beat", "schedule", "peers", "stops", "jobs"), unread=1
    ),
    "schedule install": Use(
        "schedule install --every 6h --print --with cron",
        ("scheduler", "job", "entry", "by_hand"),
        unread=1,
        beside="nothing was changed",
    ),
    "schedule show": Use("schedule show", ("installation", "firing", "entry", "standing"), unread=1, code=3),
    "schedule remove": Use("schedule remove --with systemd", ("scheduler", "job", "removed")),
    "verify": Use("verify bus", ("faults", "documents")),
    "sweep": Use("sweep --rehearse", ("swept", "rehearsed"), unread=1),
    "bench": Use("bench bus --messages 20 --rounds 1 --durability none", ("durability", "messages", "rounds", "rows")),
    "doctor": Use("doctor", ("findings",), unread=1, code=6),  # a job waits, and no worker lives
    "copy": Use("copy bus elsewhere", COPIED, first="stop"),
    "mirror": Use("mirror bus elsewhere --once", COPIED),
    "withdraw": Use("withdraw planner {sent}", ("trace",), unread=1),
    "beat": Use("beat", ("agent", "number", "outcome", "steps", "missed", "dead", "peers"), unread=0),
    "due": Use("due", ("due",), unread=1),
    "goals": Use("goals", ("active", "ended", "proposed", "faults", "workers", "values"), unread=1),
    "propose": Use("propose 'Index the archive'", ("proposal",), unread=1),
    "work-on": Use("work-on {goal} 'the SMB part' --progress 40", ("goal", "others"), unread=1),
    "submit": Use("submit echo --data '{{\"n\": 3}}' --key k --tag gpu", ("receipt", "address"), unread=1),
    "work": Use("work --queue quiet --until-empty", ("queue", "attempts"), unread=1, beside="nothing was submitted"),
    "jobs list": Use("jobs list web", ("queue", "jobs"), unread=1),
    "jobs stats": Use("jobs stats", ("queues",), unread=1),
    "job show": Use("job show {job}", JOB_FACTS, unread=1),
    "job log": Use("job log {job}", ("job", "log"), unread=1, code=3),
    "job attachments": Use("job attachments {job}", ("job", "attachments"), unread=1, code=3),
    "job tell": Use("job tell {job} 'leave the pictures out'", ("job", "number"), unread=1),
    "job cancel": Use("job cancel {job} --why enough", ("cancelled",), unread=1),
    "job pause": Use("job pause {job}", ("paused",), unread=1),
    "job resume": Use("job resume {job}", ("resumed", "state"), unread=1, first="job pause {job}"),
    "job replay": Use("job replay {failed}", ("replayed", "receipt"), unread=1),
    "job step": Use("job step {doubtful} 1 --done 7", ("job", "step", "again"), unread=1),
    "ask": Use("ask deploy --detail v3", ("approval", "state", "granted"), unread=1),
    "approvals": Use("approvals", ("approvals",), unread=1),
    "stops": Use("stops", ("stops",), unread=1, first="stop --kind deploy"),
    "audit": Use("audit", ("count", "entries", "faults"), unread=1),
    "rotate": Use("rotate", ("agent", "short"), unread=1),
    "hooks install": Use("hooks install claude-code", CHANGE, unread=1),
    "hooks uninstall": Use("hooks uninstall claude-code", CHANGE, first="hooks install claude-code"),
    "hooks show": Use("hooks show claude-code", ("settings",), unread=1),
    "stop": Use("stop --why fire", ("stopped", "file", "signed", "by", "why", "id", "warning")),
    "resume": Use("resume", ("resumed",), first="stop"),
    "approve": Use("approve {approval}", ("approval", "state", "request", "answer")),
    "deny": Use("deny {approval} --why no", ("approval", "state", "request", "answer")),
    "operator init": Use("operator init bert --no-passphrase", ("operator", "short", "public_key", "admitted")),
    "operator add": Use(f"operator add bert {KEY}", ("bus",)),
    "operator remove": Use("operator remove bert", ("bus",), first=f"operator add bert {KEY}"),
    "operator rotate": Use("operator rotate", ("operator", "short", "public_key")),
    "operator list": Use("operator list", ("bus", "agents")),
    "operator certify": Use("operator certify planner --role lead", ("certificate",)),
    "operator revoke": Use("operator revoke planner --why stolen", ("revoked",)),
    "operator policy": Use("operator policy --category general --category deploy", ("bus", "uncertified")),
    "operator values": Use("operator values values.md", ("values",)),
    "operator goal new": Use("operator goal new 'Answer within a day'", ("goal",)),
    "operator goal accept": Use("operator goal accept {proposal}", ("goal",)),
    "operator goal change": Use("operator goal change {goal} --title 'Answer soon'", ("goal",)),
    "operator goal end": Use("operator goal end {goal}", ("goal",)),
}
LASTING = {"demo", "run", "schedule run-now"}  # played with real processes in test_processes.py and tests/scheduler/
SPOKEN = {"mcp", "hook"}  # spoken to by other programs in their own protocols
ACTS = {"stop", "resume", "approve", "deny", *(name for name in ALL if name.startswith("operator "))}
"""What humans do as operators: no agent's mail waits for it."""
WITHOUT_MAIL = {
    "init",
    "verify",
    "bench",
    "copy",
    "mirror",
    "hooks uninstall",
    "schedule remove",
    *ACTS,
}  # these work without looking into an inbox


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A machine on which all that stands in the orders of the table is there, and the ids of it; to be copied."""
    folder = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        work = machine(folder, patch)
        team = on_a_bus(patch)
        (work / "values.md").write_text("# Be kind\n")
        team("operator", "init", "anna", "--no-passphrase")
        ids = {
            "waiting": team("send", "scout", "a question", "--agent", "planner", "--json").json["receipt"]["id"],
            "sent": team.send(),
            "short": team("status", "--agent", "planner", "--json").json["short"],
            "goal": team("operator", "goal", "new", "Index", "--json").json["goal"]["id"],
            "proposal": team("propose", "More tea", "--agent", "planner", "--json").json["proposal"]["id"],
            "approval": team("ask", "deploy", "--detail", "v3", "--agent", "planner", "--json").json["approval"],
        }
        team("post", "arc:wiki", "Index the archive", "--kind", "brief", "--agent", "planner")
        (work / "handlers.py").write_text(HANDLERS)
        for name, queue, handler in (
            ("job", "web", "echo"),
            ("failed", "other", "fail"),
            ("doubtful", "third", "doubt"),
        ):
            ids[name] = team("submit", handler, "--queue", queue, "--max-attempts", "1", "--json").json["address"]
        for queue in ("other", "third", "third"):  # the second look at the third finds a step that was begun
            team("work", "--queue", queue, "--handlers", "handlers.py", "--until-empty")
    return folder, ids


@pytest.fixture(scope="module")
def used(begun, tmp_path_factory):
    """Return a function that runs a command of the table on a machine of its own, with shared options around it."""
    said = {}
    folder, ids = begun

    def play(name, before, behind, settings):
        with pytest.MonkeyPatch.context() as patch:
            copy = tmp_path_factory.mktemp(name.replace(" ", "_"))
            team = copied(folder, copy, patch)
            if ALL[name].first:
                team(*shlex.split(ALL[name].first.format(**ids)))
            if not settings:
                patch.delenv("SOMABUS_BUS")
                patch.delenv("SOMABUS_AGENT")
            return team(*before, *shlex.split(ALL[name].order.format(**ids)), *behind)

    def run(name, *, before=(), behind=(), settings=True):
        asked = (name, tuple(before), tuple(behind), settings)
        if asked not in said:
            said[asked] = play(*asked)
        return said[asked]

    return run


def command(name):
    """Return a command by its name, or by the names of its group and its own."""
    found = cli
    for each in name.split():
        found = found.get_command(click.Context(found), each)
        assert found is not None, name
    return found


def names(group=""):
    """All commands, as the help lists them, those of groups by both their names."""
    found = command(group)
    here = [f"{group} {each}".strip() for each in found.list_commands(click.Context(found))]
    return [name for each in here for name in (each, *(names(each) if isinstance(command(each), click.Group) else ()))]


GROUPS = [name for name in names() if isinstance(command(name), click.Group)]
STRICT = [name for name in GROUPS if not isinstance(command(name), Shows)]
"""Groups that do nothing of their own: `jobs` alone is `jobs list`."""


def test_the_table_has_every_command():
    """Every command that the help lists is held to what stands below."""
    assert set(names()) == set(ALL) | LASTING | SPOKEN | set(GROUPS)
    assert len(names()) == len(set(names()))


@pytest.mark.parametrize("name", names())
def test_help_says_what_the_command_does_and_shows_an_example(shell, name):
    """`--help` and `-h` of every command open with a sentence on what it does and end with an example of it."""
    told = shell(*name.split(), "--help")

    assert told.code == 0
    assert told.out == shell(*name.split(), "-h").out
    assert str(command(name).help).strip().splitlines()[0].endswith(".")
    assert f"Example: somabus {name}" in told.out


@pytest.mark.parametrize("name", names())
def test_the_example_in_the_help_is_accepted(shell, name, home):
    """The example of a command's help can be typed as it stands: its options and arguments exist."""
    (home / "my_agent.py").touch()
    (home / "our-values.md").touch()
    (home / "X:" / "soma_network").mkdir(parents=True)
    example = str(command(name).epilog).removeprefix("Example: ")

    for each in example.split("&&"):
        program, first, *arguments = shlex.split(each)
        assert program == "somabus"
        while isinstance(command(first), click.Group):
            first = f"{first} {arguments.pop(0)}"
        command(first).make_context(first, arguments)


@pytest.mark.parametrize("name", names())
def test_help_of_every_command_names_the_shared_options(shell, name):
    """The help of each command is complete: it has the options for bus, agent and JSON, too."""
    told = shell(*name.split(), "--help").out

    assert [option for option in ("--bus PATH", "--agent NAME", "--json") if option not in told] == []


@pytest.mark.parametrize("group", ["", *GROUPS])
def test_the_list_of_commands_has_a_whole_sentence_for_each(shell, group):
    """`somabus --help` tells in one line each what a command is for, as does a group of commands; no line is cut."""
    listed = shell(*group.split(), "--help").out.split("Commands:\n")[1].splitlines()

    assert [line for line in listed if line.endswith("...")] == []


@pytest.mark.parametrize("group", STRICT)
def test_a_group_without_a_command_shows_its_help(shell, group):
    """Who types the name of a group alone learns what there is: exit 2; a program gets it as JSON."""
    told, program = shell(*group.split()), shell(*group.split(), "--json")

    assert (told.code, program.code) == (2, 2)
    assert f"Usage: somabus {group}" in told.err
    assert '"exit":2' in program.err


@pytest.mark.parametrize("group", STRICT)
def test_a_command_that_a_group_does_not_have_is_wrong_usage(shell, group):
    """A mistyped command of a group is exit 2, and the answer quotes it and shows the way to the help."""
    told = shell(*group.split(), "nosuch")

    assert told.code == 2
    assert "nosuch" in told.err
    assert f"Try 'somabus {group} --help'" in told.err


@pytest.mark.parametrize("name", ALL)
def test_every_command_answers_in_words(used, name):
    """In ordinary use a command says something to a person, exits as documented, and has stderr for notes alone."""
    answer = used(name)

    assert answer.code == ALL[name].code, answer
    assert answer.out.strip()
    assert answer.err.startswith(ALL[name].beside)
    assert answer.err.count("\n") == bool(ALL[name].beside)


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


@pytest.mark.parametrize("name", [name for name in ALL if name not in {*WITHOUT_MAIL, "beat"} and not ALL[name].beside])
def test_the_words_carry_how_much_mail_waits(used, name):
    """P6: the last line for a person is `unread` and the number, whatever was asked."""
    assert used(name).out.splitlines()[-1] == f"unread {ALL[name].unread}"


@pytest.mark.parametrize("name", sorted(ACTS))
def test_an_operators_act_carries_no_agents_mail(used, name):
    """A human who acts as operator is told of no agent's mail: `unread` is null, and no line of the words says it."""
    assert used(name, behind=["--json"]).json["unread"] is None
    assert "unread" not in used(name).out


@pytest.mark.parametrize("where", ["before", pytest.param("behind", marks=pytest.mark.slow)])
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


@pytest.mark.parametrize(
    ("name", "who"),
    [("goals", ""), *((name, who) for name in ("approvals", "stops", "audit") for who in ("", "ghost"))],
)
def test_who_is_no_agent_looks_all_the_same(team, monkeypatch, name, who):
    """Without an agent, or under a name that never joined, a human looks all the same; nobody's mail is counted."""
    monkeypatch.setenv("SOMABUS_AGENT", who)

    answer = team(name, "--json")

    assert answer.code in (0, 3), answer
    assert answer.json["unread"] is None
