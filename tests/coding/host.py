"""A coding agent with our hooks, as far as a hook can tell: the settings it reads, the events it writes, the shell it uses."""

import json
import subprocess

from somabus.hooks.hosts import HOSTS, Moment
from somabus.hooks.install import apply, installed
from tests.coding.events import EVENTS

DEADLINE_S = 60


class Host:
    """A coding agent with our hooks, which calls them as it documents."""

    def __init__(self, team, name, *, agent="worker"):
        self.team, self.name, self.agent = team, name, agent
        self.events, self.started = EVENTS[name], []
        home = team.folder / "home"
        self.arguments = ["--bus", str(team.folder / "bus"), "--agent", agent, "--home", str(home)]
        self.log = home / "hooks.log"
        self.settings = HOSTS[name].settings(team.folder, team.folder, user=False)
        apply(installed(HOSTS[name], self.settings, self.arguments))

    @property
    def environment(self):
        """The environment of a hook: nothing of somabus is set in it, and the user's own home is an empty folder."""
        kept = {name: value for name, value in self.team.environment.items() if not name.startswith("SOMABUS_")}
        user = str(self.team.folder / "user")
        return {**kept, "HOME": user, "XDG_DATA_HOME": user, "LOCALAPPDATA": user}

    def order(self, moment):
        """Return the command line that `hooks install` wrote into the settings for a moment."""
        (event,) = {each.event for each in HOSTS[self.name].entries if each.moment is moment}
        groups = json.loads(self.settings.read_text(encoding="utf-8"))["hooks"][event]
        commands = [each for group in groups for each in HOSTS[self.name].commands(group)]
        (found,) = [each for each in commands if ("--wait" in each) == (moment is Moment.WAIT)]
        return found

    def event(self, moment, *, session="S", **facts):
        """Return the event of a moment, as the host writes it."""
        event = {**self.events[moment], **facts}
        for member in ("session_id", "conversation_id"):
            if member in event:
                event[member] = session
        return json.dumps(event)

    def call(self, moment, *, order=None, **facts):
        """Call the hook of a moment, through a shell, as the host does; return what it printed and its exit code."""
        return self.raw(order or self.order(Moment(moment)), self.event(moment, **facts))

    def raw(self, order, event):
        """Call a hook with any text on standard input."""
        return subprocess.run(  # noqa: S602 - through a shell, as the host does
            order, shell=True, input=event, capture_output=True, text=True, env=self.environment, timeout=DEADLINE_S,
            cwd=self.team.folder,
        )  # fmt: skip

    def text(self, done):
        """Return what the model is told, wherever this host reads it."""
        said = json.loads(done.stdout)
        return said.get("reason") or said.get("additional_context") or said.get("followup_message") or said[
            "hookSpecificOutput"
        ]["additionalContext"]  # fmt: skip


def silent(done):
    """Whether a hook said nothing at all and ended well."""
    return (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def started(claude, order, event):
    """Start a hook with an event, through a shell, as the host does; return its process."""
    process = subprocess.Popen(  # noqa: S602 - through a shell, as the host does
        order, shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=claude.environment, cwd=claude.team.folder,
    )  # fmt: skip
    process.stdin.write(event)
    process.stdin.close()
    process.stdin = None
    claude.started.append(process)
    return process
