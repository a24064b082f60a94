"""A day at the terminal: what each command does when nothing is wrong."""

import importlib.metadata
import json

import pytest

import somabus


def is_installed():
    """Tell whether somabus is installed, or only lies beside the tests."""
    try:
        return bool(importlib.metadata.version("somabus"))
    except importlib.metadata.PackageNotFoundError:
        return False


def test_init_makes_a_bus_that_can_be_joined_and_owned_with_the_commands_it_prints(shell):
    """After `init`, typing the commands from its answer makes you a member, and the human its operator."""
    said = shell("init", "bus", "--name", "research").out
    join, own = (line.split("somabus ", 1)[1].replace("NAME", "scout").split() for line in said.splitlines())

    joined, owned = shell(*join), shell(*own, "--no-passphrase")

    assert (joined.code, owned.code) == (0, 0), (joined, owned)
    assert "is on the bus research" in joined.out
    assert "is the operator of research" in owned.out


def test_init_leaves_an_existing_bus_as_it_is(team):
    """A second `init` on a bus is refused, says that there is one, and changes nothing."""
    before = (team.bus / "somabus.json").read_bytes()

    answer = team("init", str(team.bus))

    assert answer.code == 2
    assert "there is a bus" in answer.err
    assert (team.bus / "somabus.json").read_bytes() == before


def test_init_writes_down_the_rules_it_was_given(shell):
    """Policy, hop limit and staleness are what `init` was told; everybody on the bus goes by them."""
    shell("init", "bus", "--policy", "open", "--hop-limit", "3", "--staleness", "0.5")

    policy = json.loads((shell.bus / "somabus.json").read_bytes())["policy"]

    assert (policy["trust"], policy["hop_limit"], policy["staleness_s"]) == ("open", 3, 0.5)


def test_joining_again_is_no_event(team):
    """`join` under the same name from the same machine answers as before: same name, same key."""
    first = team("join", "scout", "--json").json

    assert team("join", "scout", "--json").json == first


def test_the_card_says_what_was_declared(team):
    """Cadence, skills and display name that you join with are what everybody reads in `peers`."""
    team("join", "scout", "--every", "30m", "--skill", "search", "--skill", "maps", "--display-name", "The Scout")

    (scout,) = [each for each in team("peers", "--json").json["peers"] if each["name"] == "scout"]

    assert scout["card"]["cadence"] == "30m"
    assert scout["card"]["skills"] == ["search", "maps"]
    assert scout["card"]["display_name"] == "The Scout"


@pytest.mark.parametrize(
    "later",
    [
        ["inbox"],
        ["beat"],
        pytest.param(["join", "scout", "--display-name", "S"]),
    ],
    ids=" ".join,
)
def test_what_was_declared_stays_until_it_is_declared_anew(team, later):
    """Commands that say nothing of skills leave the skills on the card alone."""
    team("join", "scout", "--every", "30m", "--skill", "search")

    team(*later)

    (scout,) = [each for each in team("peers", "--json").json["peers"] if each["name"] == "scout"]
    assert scout["card"]["skills"] == ["search"]
    assert scout["card"]["cadence"] == "30m"


def test_setting_a_cadence_leaves_the_skills_on_the_card(team, monkeypatch):
    """With `every` in the settings, looking into the inbox does not erase what the agent can do."""
    team("join", "scout", "--skill", "search")
    monkeypatch.setenv("SOMABUS_EVERY", "30m")

    team("inbox")

    (scout,) = [each for each in team("peers", "--json").json["peers"] if each["name"] == "scout"]
    assert scout["card"]["skills"] == ["search"]


def test_what_is_sent_is_what_is_read(team):
    """Kind, subject, body, data, topic and priority arrive as they were sent, from the name and key of the sender."""
    short = team("status", "--json").json["short"]
    team.send(
        "3 leads", "--kind", "status", "--subject", "leads", "--data", '{"n": 3}', "--topic", "t", "--priority", "high"
    )

    read = team("read", "--agent", "planner", "--json").json

    assert read["from"] == f"scout #{short}"
    told = {name: read["message"][name] for name in ("kind", "subject", "body", "data", "topic", "priority")}
    assert told == {
        "kind": "status", "subject": "leads", "body": "3 leads", "data": {"n": 3}, "topic": "t", "priority": "high",
    }  # fmt: skip


def test_send_with_the_same_key_delivers_once(team):
    """P4: sending the same --key twice leaves one message, and the second receipt says so."""
    first = team.send("pay once", "--key", "invoice 7")

    second = team("send", "planner", "pay once", "--key", "invoice 7", "--json").json["receipt"]

    assert second["duplicate"] is True
    assert second["id"] == first
    assert len(team.mail()) == 1


def test_a_message_not_yet_due_waits_its_time(team):
    """With --not-before, the message is on the bus and is not handed out yet."""
    sent = team.send("later", "--not-before", "1h")

    assert team("inbox", "--agent", "planner").code == 3
    assert team("trace", "planner", sent, "--json").json["trace"]["state"] == "delayed"


def test_a_message_that_supersedes_takes_the_older_one_back(team):
    """P9: of an order and the one that supersedes it, only the newer is delivered."""
    old = team.send("go left")

    team.send("go right", "--supersedes", old)

    assert team("trace", "planner", old, "--json").json["trace"]["state"] == "withdrawn"
    assert team("read", "--agent", "planner", "--json").json["message"]["body"] == "go right"
    assert team("inbox", "--agent", "planner").code == 3


def test_inbox_lists_in_the_order_of_service_and_takes_nothing(team):
    """Urgent mail stands first, then by age; looking twice shows the same."""
    for body, priority in (("second", "normal"), ("third", "low"), ("first", "urgent")):
        team.send(body, "--priority", priority)

    seen = [team("inbox", "--agent", "planner", "--json").json["messages"] for _ in range(2)]

    assert [each["body"] for each in seen[0]] == ["first", "second", "third"]
    assert seen[0] == seen[1]


def test_a_limit_narrows_the_list_and_never_the_count(team):
    """P6: with --limit 1 one message is listed, and `unread` still counts all three."""
    for n in range(3):
        team.send(str(n))

    answer = team("inbox", "--agent", "planner", "--limit", "1", "--json").json

    assert len(answer["messages"]) == 1
    assert answer["unread"] == 3


def test_what_cannot_be_read_is_listed_and_counted(team):
    """P5: a torn message is not silently left out: it stands in the list as unreadable, and is counted."""
    team.send("torn")
    team.send("whole")
    team.mail()[0].write_bytes(b'{"format":1,')

    answer = team("inbox", "--agent", "planner", "--json").json

    assert answer["unreadable"] == 1
    assert answer["unread"] == 2
    assert "cannot be read" in team("inbox", "--agent", "planner").out


def test_read_takes_the_next_message_as_handled(team):
    """`read` without an id prints what is served first, and it is done afterwards: nobody gets it again."""
    sent = team.send("hello")

    assert "\n\nhello\n" in team("read", "--agent", "planner").out

    assert team("trace", "planner", sent, "--json").json["trace"]["state"] == "done"
    assert team("read", "--agent", "planner").code == 3


def test_read_takes_the_one_whose_id_ends_so(team):
    """The short id from the `inbox` table is enough to read that message, and leaves the others waiting."""
    team.send("first")
    second = team.send("second")

    read = team("read", second[-12:], "--agent", "planner", "--json").json

    assert read["message"]["id"] == second
    assert read["unread"] == 1


def test_an_id_that_fits_two_messages_is_asked_back(team):
    """An end of an id that several messages share is refused with their ids, and takes none of them."""
    ids = [team.send(str(n)) for n in range(20)]
    digit = next(digit for digit in "0123456789abcdef" if sum(each.endswith(digit) for each in ids) > 1)

    answer = team("read", digit, "--agent", "planner")

    assert answer.code == 2
    assert "give more of it" in answer.err
    assert len(team.mail()) == 20


def test_read_keep_leaves_it_waiting(team):
    """`read --keep` prints the message and takes nothing."""
    team.send("hello")

    answer = team("read", "--keep", "--agent", "planner", "--json")

    assert answer.json["message"]["body"] == "hello"
    assert answer.json["unread"] == 1


def test_read_keep_shows_what_stands_behind_an_unreadable_message(team):
    """P5: a torn message in front does not make the inbox look empty."""
    team.send("torn")
    team.send("whole")
    team.mail()[0].write_bytes(b"{")

    answer = team("read", "--keep", "--agent", "planner")

    assert answer.code == 0, answer
    assert "whole" in answer.out


def test_reply_answers_and_takes_the_question_as_handled(team):
    """`reply` sends an answer on the same thread and leaves the question done."""
    question = team.send("when?", "--kind", "question")

    team("reply", question[-12:], "by noon", "--agent", "planner")

    answer = team("read", "--json").json["message"]
    assert (answer["kind"], answer["body"]) == ("answer", "by noon")
    assert answer["refs"]["reply_to"] == question
    assert answer["thread"] == question
    assert team("trace", "planner", question, "--json").json["trace"]["state"] == "done"


def test_a_message_read_before_can_still_be_answered(team):
    """After `read`, `reply` with the id that `read` printed finds the message where it lies."""
    question = team.send("when?")
    team("read", "--agent", "planner")

    answer = team("reply", question, "by noon", "--agent", "planner")

    assert answer.code == 0, answer
    assert team("read", "--json").json["message"]["refs"]["reply_to"] == question


def test_a_message_read_before_can_be_answered_by_its_short_id(team):
    """The id as the table of `inbox` shows it is good for `reply` after `read`, too."""
    question = team.send("when?")
    team("read", "--agent", "planner")

    assert team("reply", question[-12:], "by noon", "--agent", "planner").code == 0


def test_answering_twice_with_the_same_words_answers_once(team):
    """P4: a `reply` that is repeated (a script that ran again) leaves one answer."""
    question = team.send("when?")
    team("read", "--agent", "planner")

    for _ in range(2):
        team("reply", question, "by noon", "--agent", "planner")

    assert len(team.mail("scout")) == 1


def test_dead_letters_are_listed_with_their_reason_and_can_be_brought_back(team):
    """P14: what was set aside is listed with its reason, and --replay by its short id makes it wait again."""
    sent = team.send("forged")
    path = team.mail()[0]
    path.write_bytes(path.read_bytes().replace(b"forged", b"FORGED"))
    team("beat", "--agent", "planner")

    (letter,) = team("dead", "--agent", "planner", "--json").json["dead"]
    back = team("dead", "--replay", sent[-12:], "--agent", "planner")

    assert letter["reason"] == "forged"
    assert back.code == 0, back
    assert team("dead", "--agent", "planner").code == 3
    assert len(team.mail()) == 1


def test_the_beat_tells_how_many_it_set_aside(team):
    """P14: a beat that puts messages into the dead letters says how many."""
    team.send("torn")
    team.mail()[0].write_bytes(b"{")

    assert team("beat", "--agent", "planner", "--json").json["set_aside"] == 1


def test_an_insight_that_is_shared_reaches_the_peers_at_their_next_beat(team):
    """What one agent shares, the others' next beat reports, with the name and the confidence of the one who says it."""
    team("share", "smb", "links hold", "--confidence", "0.8")

    (learned,) = team("beat", "--agent", "planner", "--json").json["learned"]

    assert (learned["topic"], learned["statement"], learned["confidence"]) == ("smb", "links hold", 0.8)
    assert learned["from"].startswith("scout #")


def test_an_insight_that_was_noted_is_shared_by_the_next_beat(team):
    """`learn` keeps it on this machine; the next beat posts it, once."""
    team("learn", "smb", "links hold")

    posted = [team("beat", "--json").json["posted"] for _ in range(2)]

    assert posted == [1, 0]


def test_peers_lists_everybody_with_a_verdict(team):
    """Everybody who joined is listed with a verdict and when it was last seen."""
    listed = team("peers").out

    assert [line.split()[0] for line in listed.splitlines()[1:3]] == ["planner", "scout"]
    assert listed.count("on time") == 2


def test_trace_follows_a_message_from_waiting_to_done(team):
    """`trace` says where a message is now: it waits, or it is done."""
    sent = team.send()
    before = team("trace", "planner", sent, "--json").json["trace"]["state"]
    team("read", "--agent", "planner")

    assert (before, team("trace", "planner", sent, "--json").json["trace"]["state"]) == ("waiting", "done")


def test_a_message_is_withdrawn_in_time_or_not_at_all(team):
    """P9: `withdraw` before anybody took it exits 0 and nobody gets it; after that it is refused with where it is."""
    early, late = team.send("early"), team.send("late")
    withdrawn = team("withdraw", "planner", early)
    read = team("read", "--agent", "planner", "--json").json["message"]["id"]

    refused = team("withdraw", "planner", late)

    assert withdrawn.code == 0
    assert read == late
    assert refused.code == 5
    assert "done" in refused.out


def test_nobody_withdraws_what_another_sent(team):
    """A message is taken back by its sender, and by nobody else who happens to know its id."""
    sent = team.send("from scout")
    team("join", "mallory")

    assert team("withdraw", "planner", sent, "--agent", "mallory").code == 5


def test_status_says_how_bus_and_agent_do(team):
    """One look tells the bus, who you are, how much mail waits, the last beat and the peers."""
    team("beat")
    told = team("status").out

    for word in ("research", "scout #", "0 wait", "beat 1", "2 on time"):
        assert word in told


def test_due_is_told_by_exit_code(team):
    """`due` exits 3 after a beat with nothing waiting, and 0 as soon as a message waits."""
    team("beat")
    idle = team("due").code
    team("send", "scout", "hi", "--agent", "planner")

    assert (idle, team("due").code) == (3, 0)


def test_a_beat_without_a_script_answers_an_echo(team):
    """An agent that is only beating can be pinged: `echo` comes back with what it carried."""
    team.send("ping", "--kind", "echo", "--data", '{"n": 1}')

    report = team("beat", "--agent", "planner", "--json").json

    assert report["handled"] == 1
    assert team("read", "--json").json["message"]["data"] == {"echo": {"n": 1}, "body": "ping"}


def test_a_beat_says_each_step_in_words(team):
    """For a person, a beat is one line a step, and the mail that still waits."""
    told = team("beat").out

    assert told.startswith("beat 1 of scout: ok\n")
    for step in ("check inbox", "process", "share learnings", "review peers", "heartbeat"):
        assert f"  ok  {step}" in told
    assert "unread 0" in told


def test_a_beat_handles_no_more_than_it_was_told(team):
    """With --messages 1, the rest waits for the next beat, and is counted."""
    for n in range(3):
        team.send(str(n))

    report = team("beat", "--messages", "1", "--agent", "planner", "--json").json

    assert (report["handled"], report["unread"]) == (1, 2)


def test_a_dash_reads_the_body_from_standard_input(team):
    """`send planner -` and `reply ID -` take a body of several lines from a pipe."""
    team("send", "planner", "-", stdin="line 1\nline 2\n")
    question = team("read", "--agent", "planner", "--json").json["message"]

    team("reply", question["id"], "-", "--agent", "planner", stdin="answer 1\nanswer 2\n")

    assert question["body"] == "line 1\nline 2\n"
    assert team("read", "--json").json["message"]["body"] == "answer 1\nanswer 2\n"


def test_the_version_is_told(shell):
    """`--version` prints the version, from an installed package and from a checkout alike."""
    answer = shell("--version")

    assert answer.code == 0, answer
    assert somabus.__version__ in answer.out


def test_verify_and_bench_ask_for_no_agent(team, monkeypatch):
    """A person who has joined no bus may judge a tree: no name, no key."""
    monkeypatch.delenv("SOMABUS_AGENT")

    assert team("verify").code == 0
