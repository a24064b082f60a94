"""Pipes with an old code page, as Windows gives them: what is printed and piped in survives them."""

import json
import subprocess

import pytest

from tests.surfaces.shell import environment, process

BODY = "naïve → 日本 🙂"


def piped(*order, stdin=b"", encoding="cp1252"):
    """Run a command whose standard streams have an encoding; its bytes are not decoded."""
    return subprocess.run(
        process(*order),
        input=stdin,
        capture_output=True,
        env={**environment(), "PYTHONIOENCODING": encoding},
        timeout=60,
    )


@pytest.fixture
def mail(team):
    """A message to planner whose body no old code page can hold."""
    return team.send(BODY)


@pytest.mark.parametrize(
    "encoding", ["cp1252", *(pytest.param(each, marks=pytest.mark.slow) for each in ("cp437", "ascii", "utf-8"))]
)
def test_json_is_json_in_every_encoding(team, mail, encoding):
    """Whoever reads the answer as UTF-8 gets the text that was sent, whatever code page the pipe has."""
    answer = piped("inbox", "--agent", "planner", "--json", encoding=encoding)

    assert answer.returncode == 0, answer.stderr
    assert BODY in str(json.loads(answer.stdout.decode("utf-8")))


def test_a_text_that_the_pipe_cannot_hold_is_escaped(team, mail):
    """A human's answer is printed to the end; the characters that the pipe lacks are named by their numbers."""
    answer = piped("inbox", "--agent", "planner")

    assert answer.returncode == 0, answer.stderr
    assert "na\xefve \\u2192 \\u65e5\\u672c \\ud83d\\ude42" in answer.stdout.decode("cp1252")


def test_an_error_in_json_is_json_in_every_encoding(team):
    """An error that names what was typed is read as JSON, too."""
    answer = piped("--bus", "schüler→", "inbox", "--json")

    assert "schüler→" in json.loads(answer.stderr.decode("utf-8"))["message"]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with the mark of UTF-8"])
def test_what_is_piped_in_is_utf8(team, mark):
    """A body that another program pipes in is UTF-8, with the line ends and the mark of Windows or without them."""
    piped("send", "planner", "-", stdin=mark + f"{BODY}\r\nsecond".encode())

    body = json.loads(team.mail()[0].read_bytes())["body"]

    assert body == f"{BODY}\nsecond"


def test_what_is_piped_in_and_no_text_is_refused(team):
    """Bytes that are no UTF-8 are refused with the way to send them right, and nothing is sent."""
    answer = piped("send", "planner", "-", stdin=b"caf\xe9")

    assert answer.returncode == 2
    assert b"UTF-8" in answer.stderr
    assert b"Traceback" not in answer.stderr
    assert team.mail() == []
