"""What the pages show can be typed: every block of README.md and docs/ runs, in order, in an empty folder."""

import re
import shutil

import pytest

from tests.packaging.blocks import PROJECT, BlockError, Runner, blocks, commands, pages

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="the pages show commands of a POSIX shell")
SOON = ("README.md",)  # all others are in the slow run: each command of theirs is a process
NAMES = [page.relative_to(PROJECT).as_posix() for page in pages()]


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a page's text."""

    def play(text, name="a page"):
        with Runner(tmp_path, name) as runner:
            return runner.run(text)

    return play


@pytest.mark.parametrize(
    "name", [each if each in SOON else pytest.param(each, marks=pytest.mark.slow) for each in NAMES]
)
def test_what_the_page_shows_runs(run, name):
    """Typed in order into an empty folder, the page's commands and programs do what the page says."""
    run((PROJECT / name).read_text(encoding="utf-8"), name)


@pytest.mark.parametrize("name", NAMES)
def test_every_fence_means_something(name):
    """No block is left out because its fence is misspelt: each word behind the language is one that is known."""
    found = blocks((PROJECT / name).read_text(encoding="utf-8"))

    assert [(block.line, block.unknown) for block in found if block.unknown] == []
    assert [block.line for block in found if not block.language] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_fence_is_closed(name):
    """The number of fences is even: nothing behind an open one is swallowed."""
    lines = (PROJECT / name).read_text(encoding="utf-8").splitlines()

    assert sum(line.lstrip().startswith("```") for line in lines) % 2 == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_links_of_the_page_lead_somewhere(name):
    """A link to another page or file of the project leads to one that exists."""
    page = PROJECT / name
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", text)

    local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]

    assert [target for target in local if not (page.parent / target).exists()] == []


def test_the_first_page_is_there_and_runs_something():
    """README.md has something to type: a reader's first minute is tested."""
    first = blocks((PROJECT / "README.md").read_text(encoding="utf-8"))

    assert [block for block in first if block.language in ("python", "console") and "no-run" not in block.words] != []


# -- the runner itself ----------------------------------------------------------------------------------------


def test_python_blocks_are_one_program(run):
    """A later block sees the names of an earlier one, and `__name__` is `__main__`."""
    assert run("```python\nx = 1\n```\ntext\n```python\nassert x == 1 and __name__ == '__main__'\n```\n") == 2


def test_a_python_block_that_fails_is_told_with_its_line(run):
    """What a block raises is told, with the line of the page."""
    with pytest.raises(BlockError, match=r"at line 4:(?s:.*)line 5(?s:.*)ZeroDivisionError"):
        run("text\n\n```python\nx = 0\n1 / x\n```\n")


def test_a_command_that_fails_is_told(run):
    """A command with another exit code than 0 and 3 is a failure of the page."""
    with pytest.raises(BlockError, match="exit 5"):
        run("```console\n$ true\n$ exit 5\n```\n")


def test_an_exit_code_that_is_announced_is_right(run):
    """`exit=5` at the fence is for the last command of the block."""
    assert run("```console exit=5\n$ true\n$ sh -c 'exit 5'\n```\n") == 2


def test_output_is_not_compared_unless_the_page_says_so(run):
    """The lines below a command may be an example: times and ids differ from run to run."""
    assert run("```console\n$ echo this\nthat\n```\n") == 1


def test_output_is_compared_where_the_page_says_so(run):
    """In a block marked `exact` the lines below each command are what it prints."""
    with pytest.raises(BlockError, match="the page shows"):
        run("```console exact\n$ echo this\nthis\n$ echo that\nthis\n```\n")


def test_folder_and_variables_last(run):
    """`cd` and `export` count for the commands and programs that follow."""
    look = "import os\nassert (os.environ['X'], os.getcwd()[-2:]) == ('5', '/a')"
    text = f"```console\n$ mkdir a && cd a\n$ export X=5\n```\n```python\n{look}\n```\n"

    assert run(text) == 3


def test_long_commands_belong_together():
    """A backslash and a here-document carry a command over several lines."""
    text = "```console\n$ cat > f <<'END'\n$ not a command\nEND\n$ cat f \\\n    f\n```\n"
    (block,) = blocks(text)

    assert commands(block)[0].text == "cat > f <<'END'\n$ not a command\nEND"
    assert commands(block)[1].text == "cat f \\\n    f"


def test_a_block_can_be_a_file(run):
    """`file=` writes the block for the commands that follow."""
    assert run("```python file=sub/x.py\nraise SystemExit(3)\n```\n```console exit=3\n$ python sub/x.py\n```\n") == 2


def test_blocks_that_are_only_shown_do_not_run(run):
    """`no-run`, text and other languages are shown, and nothing else."""
    assert (
        run("```python no-run\n1/0\n```\n```console no-run\n$ false\n```\n```text\n$ false\n```\n```json\n{}\n```\n")
        == 0
    )


def test_the_command_of_this_checkout_is_found(run):
    """`somabus` in a page is the somabus that is tested, with a home of its own."""
    assert (
        run("```console\n$ somabus init bus\n$ somabus join scout --bus bus\n$ ls ../home/buses/*/scout/key\n```\n")
        == 3
    )


def test_what_runs_beside_is_ended(run):
    """A command that ends with `&` runs while the page goes on, and is ended with it."""
    assert run("```console\n$ sleep 1000 &\n$ true\n```\n") == 2


def test_blocks_in_a_list_are_found():
    """An indented block is a block."""
    (block,) = blocks("1. first\n\n   ```console\n   $ true\n   ```\n")

    assert commands(block)[0].text == "true"


def test_a_misspelt_fence_is_found():
    """`norun` is no word of a fence."""
    (block,) = blocks("```python norun\n```\n")

    assert block.unknown == ["norun"]
