"""Child processes that are measured: fresh interpreters of this environment."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SCRIPTS: Final = Path(__file__).with_name("scripts")
_SET: Final = ("SOMABUS_", "PYTHON")
_PATIENCE_S: Final = 600.0


def environment(**more: str) -> Mapping[str, str]:
    """Return the environment without what somebody has set for somabus or for Python.

    Above all without PYTHONDONTWRITEBYTECODE: under it every start compiles the package anew, which no user's does.
    """
    return {**{name: value for name, value in os.environ.items() if not name.startswith(_SET)}, **more}


def run(*order: str, **env: str) -> str:
    """Run Python with these arguments to its end; return what it printed."""
    done = subprocess.run(
        [sys.executable, *order], env=environment(**env), capture_output=True, text=True, timeout=_PATIENCE_S, check=True
    )  # fmt: skip
    return done.stdout
