"""A user's script: a Python file with a function `setup(agent)` that registers handlers."""

import runpy
import sys
import traceback
from pathlib import Path

from somabus.agent import Agent
from somabus.errors import ConfigurationError


def set_up(agent: Agent, script: Path, option: str, example: str) -> None:
    """Run a script and let it register its handlers; what goes wrong in it is told with its name.

    It may lie on a drive that is away, so it is looked for no earlier than here.
    """
    if not script.is_file():
        message = f"{option} {script}: there is no such file; a Python file with a function setup(agent) is needed"
        raise ConfigurationError(message)
    sys.path.insert(0, str(script.resolve().parent))  # as `python script.py` does
    try:
        setup = runpy.run_path(str(script)).get("setup")
        if callable(setup):
            setup(agent)
    except (Exception, SystemExit) as error:
        message = f"the script {script} failed{_where(error, script)}: {type(error).__name__}: {error}"
        raise ConfigurationError(message) from error
    if not callable(setup):
        message = f"{script} has no function setup(agent); write: def setup(agent): {example}"
        raise ConfigurationError(message)


def _where(error: BaseException, script: Path) -> str:
    """Say in which line of the script something went wrong, if it was in one."""
    lines = [each.lineno for each in traceback.extract_tb(error.__traceback__) if each.filename == str(script)]
    return f" in line {lines[-1]}" if lines else ""
