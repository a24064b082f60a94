"""`somabus init`: what a new bus says of itself, and what is said where one is already."""

import os
import re
import shlex

import pytest

from somabus.cli.output import typed
from tests.surfaces.test_operator_commands import operator


def test_init_tells_what_is_kept(shell):
    """Whoever sets how long what is over stays sees all that holds; whoever does not is told nothing of it."""
    made, plain = shell("init", "bus", "--keep", "done_days=14"), shell("init", "other")

    assert "what is over stays: done_days=14 done_bytes=1GiB" in made.out
    assert "done_days" not in plain.out


def test_init_refuses_a_rule_in_a_sentence(shell):
    """A rule that breaks its bounds is wrong usage, told in one line; nothing is made."""
    answer = shell("init", "bus", "--keep", "done_days=0")

    assert (answer.code, answer.err.count("\n")) == (2, 1), answer
    assert "done_days='0' does not go: the value is a number of days, from 2 to 36500" in answer.err
    assert not shell.bus.exists()


def test_init_where_a_bus_is_names_what_changes_it(team):
    """A bus is made once; its policy is changed by its operator."""
    answer = team("init", "bus", "--keep", "done_days=14")

    assert answer.code == 2
    assert "somabus operator policy" in answer.err


def test_the_policy_of_retention_can_be_looked_at_and_changed(team):
    """`operator list` shows what holds, and `operator policy --keep` what holds from now on."""
    operator(team, "init anna --no-passphrase")

    changed = operator(team, "policy --keep budget_bytes=20GiB")
    refused = operator(team, "policy --keep budget_bytes=20GB")

    assert "what is over stays: done_days=30 " in changed.out
    assert "budget_bytes=20GiB" in changed.out
    assert "retention done_days=30 " in operator(team, "list").out
    assert "budget_bytes=20GiB" in operator(team, "list").out
    assert (refused.code, "KiB, MiB, GiB or TiB" in refused.err) == (2, True)


@pytest.mark.skipif(os.name == "nt", reason="quotes of POSIX")
def test_what_init_tells_to_type_can_be_pasted(shell):
    """A path with blanks and quotes is one word of the command that is shown."""
    where = "a bus of Anna's $HOME"

    shown = re.findall(r"types: (somabus .*)", shell("init", where).out)

    assert shlex.split(shown[0]) == ["somabus", "--bus", where, "operator", "init"]


@pytest.mark.parametrize(("path", "word"), [("X:\\soma_network", "X:\\soma_network"), ("X:\\a b", '"X:\\a b"')])
def test_on_windows_a_path_is_quoted_as_its_shells_ask(path, word):
    """PowerShell and cmd both take double quotes; a path that needs none is left as people write it."""
    assert typed(path, windows=True) == word
