"""Which scheduler this machine has."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from somabus.scheduler.tool import Scheduler, user


def choose(platform: str, *, has: Callable[[str], bool], lingers: bool) -> str:
    """Return the name of the scheduler that goes on for years.

    A user's systemd ends when the user logs out, unless he lingers; cron does not. So systemd comes first only where it
    stays.
    """
    if platform == "win32":
        return "windows"
    if platform == "darwin":
        return "launchd"
    if has("systemctl") and (lingers or not has("crontab")):
        return "systemd"
    return "cron"


def here() -> str:
    """Return the name of the scheduler of this machine."""
    lingers = sys.platform == "linux" and Path("/var/lib/systemd/linger", user()).exists()
    return choose(sys.platform, has=lambda tool: shutil.which(tool) is not None, lingers=lingers)


def scheduler(name: str) -> Scheduler:
    """Return a scheduler by its name."""
    return _MAKERS[name]()


def _cron() -> Scheduler:
    from somabus.scheduler.cron import Cron

    return Cron()


def _systemd() -> Scheduler:
    from somabus.scheduler.systemd import Systemd

    return Systemd()


def _launchd() -> Scheduler:
    from somabus.scheduler.launchd import Launchd

    return Launchd(os.getuid() if hasattr(os, "getuid") else 0)


def _windows() -> Scheduler:
    from somabus.scheduler.windows import Windows

    domain = os.environ.get("USERDOMAIN", "")
    return Windows(f"{domain}\\{user()}" if domain else user())


_MAKERS: Final[dict[str, Callable[[], Scheduler]]] = {
    "cron": _cron, "systemd": _systemd, "launchd": _launchd, "windows": _windows,
}  # fmt: skip
NAMES: Final = tuple(_MAKERS)
