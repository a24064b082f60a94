"""Each folder of examples/ plays to its end."""

import os
import subprocess
import sys

import pytest

from tests.packaging.blocks import PROJECT

LONG = ("coding_agents", "job_worker")  # in the slow run
EXAMPLES = sorted(path.parent.name for path in (PROJECT / "examples").glob("*/run.py"))


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=pytest.mark.slow) if each in LONG else each for each in EXAMPLES]
)
def test_the_example_plays(name, tmp_path):
    """`python run.py` of an example ends well, says something, and complains of nothing."""
    folder = PROJECT / "examples" / name
    environment = {**os.environ, "SOMABUS_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}

    played = subprocess.run(
        [sys.executable, "run.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )

    assert played.returncode == 0, played.stderr
    assert played.stdout.strip()
    assert "Traceback" not in played.stderr


def test_every_example_is_listed():
    """examples/README.md names every folder, and every folder has a README."""
    listed = (PROJECT / "examples" / "README.md").read_text(encoding="utf-8")

    assert [name for name in EXAMPLES if f"[{name}]({name}/)" not in listed] == []
    assert [name for name in EXAMPLES if not (PROJECT / "examples" / name / "README.md").exists()] == []
