"""The settings of a coding agent are the user's: what stands there stays, byte for byte."""

import json
import os
import shlex
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from somabus.errors import ConfigurationError
from somabus.hooks import jsontext
from somabus.hooks.hosts import HOSTS
from somabus.hooks.install import apply, installed, uninstalled
from tests.surfaces.shell import Shell

ARGUMENTS = ["--bus", "/mnt/bus", "--agent", "worker"]
TEXTS = {
    "two blanks": '{\n  "permissions": {\n    "allow": ["Bash(ls:*)"]\n  }\n}\n',
    "four blanks": '{\n    "model": "opus",\n    "env": {"A": "1"}\n}',
    "tabs": '{\n\t"model": "opus",\n\t"hooks": {\n\t\t"Stop": [\n\t\t\t{"hooks": [{"type": "command", "command": "beep"}]}\n\t\t]\n\t}\n}\n',
    "one line": '{"model":"opus","hooks":{"PostToolUse":[{"matcher":"Edit","hooks":[{"type":"command","command":"fmt"}]}]}}',
    "same event": '{\n  "hooks": {\n    "PostToolUse": [\n      {"matcher": "Edit", "hooks": [{"type": "command", "command": "fmt"}]}\n    ],\n    "PreToolUse": []\n  }\n}\n',
    "windows": '{\r\n  "model": "opus",\r\n  "path": "C:\\\\x"\r\n}\r\n',
    "escapes": '{"name": "\\u00e9é\\ud83d\\ude00 \\" } ]", "n": 1e-3, "z": null, "t": [true, false, []]}\n',
    "odd blanks": '  {  "a" :1 ,\n\n   "b":[ 1 , 2 ]   }  \n\n',
    "empty object": "{}\n",
    "odd hooks": '{"version": 1, "hooks": {"Stop": [{"hooks": null}, {"hooks": 5}, 3, "x", null], "stop": [[]]}}\n',
}


@pytest.fixture(params=sorted(HOSTS))
def host(request):
    """Each coding agent that is known."""
    return HOSTS[request.param]


def holds(text, before):
    """Tell whether every character of what was there before is still there, in its order."""
    there = iter(text)
    return all(character in there for character in before)


@pytest.mark.parametrize("name", TEXTS)
def test_what_the_user_had_stays_byte_for_byte(tmp_path, host, name):
    """Every byte of the settings is still there, in its order; what was added is ours alone; and it is JSON that means both."""
    path = tmp_path / "settings.json"
    path.write_bytes(TEXTS[name].encode())

    apply(installed(host, path, ARGUMENTS))

    text = path.read_bytes().decode()
    before, after = json.loads(TEXTS[name]), json.loads(text)
    assert holds(text, TEXTS[name])
    for key, value in before.items():
        if key != "hooks":
            assert after[key] == value
    for event, groups in before.get("hooks", {}).items():
        assert after["hooks"][event][: len(groups)] == groups
    ours = sum(len(groups) for groups in after["hooks"].values()) - sum(map(len, before.get("hooks", {}).values()))
    assert ours == len(host.entries)


@pytest.mark.parametrize("name", TEXTS)
def test_taken_out_again_it_is_what_it_was(tmp_path, host, name):
    """`uninstall` leaves the very bytes that were there before `install`; what a host needs in a new file may stay."""
    path = tmp_path / "settings.json"
    path.write_bytes(TEXTS[name].encode())
    apply(installed(host, path, ARGUMENTS))

    change = uninstalled(host, path)
    apply(change)

    assert len(change.removed) == len(host.entries)
    left = path.read_bytes()
    if set(host.first) <= set(json.loads(TEXTS[name])):
        assert left.decode() == TEXTS[name]
    else:
        assert json.loads(left) == {**json.loads(TEXTS[name]), **host.first}
    assert not uninstalled(host, path).any
    apply(installed(host, path, ARGUMENTS))
    apply(uninstalled(host, path))
    assert path.read_bytes() == left


def test_what_a_user_put_beside_ours_stays(tmp_path):
    """A hook that the user has added to a group of ours is the user's: updating and uninstalling change our hook in it and nothing else."""
    path, host = tmp_path / "settings.json", HOSTS["claude-code"]
    apply(installed(host, path, ARGUMENTS))
    settings = json.loads(path.read_text())
    mine = {"type": "command", "command": "beep"}
    settings["hooks"]["PostToolUse"][0]["hooks"].append(mine)
    settings["hooks"]["SessionEnd"][0]["hooks"].insert(0, mine)
    path.write_text(json.dumps(settings, indent=2))

    assert not installed(host, path, ARGUMENTS).any
    apply(installed(host, path, [*ARGUMENTS[:-1], "other"]))
    assert json.loads(path.read_text()) == json.loads(json.dumps(settings).replace("worker", "other"))

    apply(uninstalled(host, path))
    left = json.loads(path.read_text())["hooks"]
    assert left == {"PostToolUse": [{"matcher": "*", "hooks": [mine]}], "SessionEnd": [{"hooks": [mine]}]}


def test_done_again_nothing_changes(tmp_path, host):
    """A second `install` changes nothing; one with other arguments replaces ours in their places."""
    path = tmp_path / "settings.json"
    apply(installed(host, path, ARGUMENTS))
    once = path.read_text()
    assert not installed(host, path, ARGUMENTS).any

    change = installed(host, path, [*ARGUMENTS[:-1], "other"])
    apply(change)

    assert (len(change.replaced), change.added) == (len(host.entries), ())
    assert path.read_text() == once.replace("worker", "other")


def test_the_command_can_be_run_from_anywhere(tmp_path, host):
    """A hook's command names the interpreter and the bus by whole paths, quoted for the shell."""
    path = tmp_path / "settings.json"
    apply(installed(host, path, ["--bus", "/mnt/my bus; rm -rf", "--agent", "worker"]))

    groups = [group for each in json.loads(path.read_text())["hooks"].values() for group in each]
    for words in (shlex.split(each) for group in groups for each in host.commands(group)):
        assert os.path.isabs(words[1 if words[0] == "exec" else 0])
        assert words[words.index("--bus") + 1] == "/mnt/my bus; rm -rf"


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "null", '{"hooks": []}', '{"hooks": null}', '{"hooks": {"Stop": {}}}', '{"a": 1} // mine', '{"a": 1,}',
        "\ufeff{}", '{"hooks": {}, "a": 1, "hooks": {}}', '{"n": ' + "9" * 5000 + "}", "[" * 5000,
    ],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_settings_that_are_no_such_thing_are_left_alone(tmp_path, text):
    """A file that is no JSON, or has another shape, is refused with its path and the way out, and not touched."""
    path = tmp_path / "settings.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"settings\.json"):
        installed(HOSTS["claude-code"], path, ARGUMENTS)

    assert path.read_text(encoding="utf-8") == text


def test_a_file_that_cannot_be_read_or_written_is_said(tmp_path):
    """Settings that are no UTF-8, a folder in the place of the file, a file in the place of the folder: refused with the path, and nothing is left behind."""
    host, text = HOSTS["claude-code"], tmp_path / "latin.json"
    text.write_bytes(b'{"name": "\xe9"}')
    folder = tmp_path / "folder.json"
    folder.mkdir()
    for path in (text, folder, text / "settings.json"):
        with pytest.raises(ConfigurationError, match=path.name):
            installed(host, path, ARGUMENTS)
    change = installed(host, tmp_path / "late" / "settings.json", ARGUMENTS)
    (tmp_path / "late").write_text("in the way")
    with pytest.raises(ConfigurationError, match=r"settings\.json"):
        apply(change)

    assert text.read_bytes() == b'{"name": "\xe9"}'
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder.json", "late", "latin.json"]


def test_a_link_stays_a_link_and_a_mode_a_mode(tmp_path):
    """Settings that a user keeps elsewhere, behind a link, are changed there; the file's permissions stay."""
    real, link = tmp_path / "dotfiles" / "settings.json", tmp_path / "settings.json"
    real.parent.mkdir()
    real.write_text("{}")
    real.chmod(0o640)
    link.symlink_to(real)

    apply(installed(HOSTS["claude-code"], link, ARGUMENTS))

    assert link.is_symlink()
    assert "somabus" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert [each.name for each in real.parent.iterdir()] == ["settings.json"]


def test_the_commands_do_it(tmp_path, monkeypatch):
    """`hooks install` writes the project's own file, `--user` the user's; `--dry-run` shows and changes nothing; `uninstall` takes it back."""
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("SOMABUS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOMABUS_BUS", str(tmp_path / "bus"))
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    shell = Shell()
    shell("init")
    shell("join", "worker")
    local, user = project / ".claude" / "settings.local.json", tmp_path / "me" / ".claude" / "settings.json"

    dry = shell("hooks", "install", "claude-code", "--agent", "worker", "--dry-run")
    assert (dry.code, "PostToolUse" in dry.out, local.exists()) == (0, True, False)

    done = shell("hooks", "install", "claude-code", "--agent", "worker", "--json").json
    assert (done["changed"], len(done["added"]), local.exists(), user.exists()) == (True, 5, True, False)
    assert "nothing to change" in shell("hooks", "install", "claude-code", "--agent", "worker").out
    shell("hooks", "install", "claude-code", "--user", "--agent", "worker")
    assert user.exists()

    before = local.read_bytes()
    assert shell("hooks", "uninstall", "claude-code", "--dry-run").code == 0
    assert local.read_bytes() == before
    assert "removed" in shell("hooks", "uninstall", "claude-code").out
    assert json.loads(local.read_text()) == {}
    assert user.read_bytes() == before
    assert shell("hooks", "install", "nosuch").code == 2


# -- the editor ----------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=6).filter(lambda key: key != "hooks"), VALUES, max_size=4)
STYLES = (
    st.fixed_dictionaries({"indent": st.integers(1, 8) | st.text(" \t", min_size=1, max_size=3)})
    | st.just({})
    | st.fixed_dictionaries({"separators": st.sampled_from([(",", ":"), (" ,", " : "), (",\n", ":\t")])})
)
ENDS = st.sampled_from(["\n", "\r\n"])
EVENTS = st.dictionaries(
    st.sampled_from(["Stop", "PreToolUse", ""]), st.lists(VALUES, min_size=1, max_size=3), min_size=1
)


@settings(max_examples=100, deadline=None)
@given(OBJECTS, EVENTS, OBJECTS, STYLES, ENDS, VALUES)
def test_hooks_that_are_there_stay_as_they_are(before, events, after, style, ends, added):
    """For any settings that hold hooks already, in any style: what was added stands behind them, and taken out again the text is the same."""
    value = {**before, "hooks": events, **after}
    text = json.dumps(value, **style).replace("\n", ends)

    once = jsontext.added(text, ("hooks", "Stop", -1), added)

    assert json.loads(once) == {**value, "hooks": {**events, "Stop": [*events.get("Stop", []), added]}}
    assert holds(once, text)
    assert jsontext.removed(once, ("hooks", "Stop", len(events.get("Stop", [])))) == text


@settings(max_examples=100, deadline=None)
@given(OBJECTS, STYLES, ENDS, st.booleans(), VALUES)
def test_whatever_the_text_it_holds_both_and_gives_the_same_back(value, style, ends, ascii_only, added):
    """For any JSON object in any style: after adding, it means what it meant and what was added; taken out again, it is the same text."""
    text = json.dumps(value, ensure_ascii=ascii_only, **style).replace("\n", ends)

    once = jsontext.added(text, ("hooks", "Stop", -1), added)
    twice = jsontext.added(once, ("hooks", "Stop", -1), "second")

    assert json.loads(once) == {**value, "hooks": {"Stop": [added]}}
    assert json.loads(twice) == {**value, "hooks": {"Stop": [added, "second"]}}
    assert json.loads(jsontext.replaced(twice, ("hooks", "Stop", 0), {"x": 1}))["hooks"]["Stop"] == [{"x": 1}, "second"]
    assert jsontext.removed(twice, ("hooks", "Stop", 1)) == once
    assert jsontext.removed(once, ("hooks", "Stop", 0)) == (text if value else "{}")
    assert json.loads(jsontext.removed(twice, ("hooks", "Stop", 0)))["hooks"]["Stop"] == ["second"]


def test_an_empty_file_becomes_an_object():
    """Settings that are not there yet, or are empty, become an object with what was added."""
    assert json.loads(jsontext.added("", ("a",), 1)) == {"a": 1}
    assert json.loads(jsontext.added(" \n", ("a", "b", -1), 1)) == {"a": {"b": [1]}}
