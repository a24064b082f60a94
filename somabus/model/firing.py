"""What an agent's machine remembers of its scheduler: what was installed there, and when it fired last.

Kept in the agent's home and written before anything touches the drive: that a scheduler fired is a fact of its own,
whatever became of the beat.
"""

from typing import Literal

from pydantic import Field

from somabus.model.message import Utc, Value


class Installation(Value):
    """Which scheduler starts this agent's routine on this machine, under which name, for which cadence, and with what.

    Installing again keeps what is not given anew. Without a script mail is acknowledged unread.
    """

    format: Literal[1] = 1
    scheduler: Literal["cron", "systemd", "launchd", "windows"]
    job: str = Field(max_length=100)
    cadence: str = Field(max_length=100)
    log: str = Field(max_length=4096)
    script: str = Field(default="", max_length=4096)
    always: bool = False
    installed_at: Utc


class Firing(Value):
    """One start of the routine: the slot it was for, when it came, and how it ended. Times are this machine's.

    `job` is the entry that started it; empty if a hand did. Without an end it is still at work, or was killed. A slot
    that was served before ends with exit code 0.
    """

    format: Literal[1] = 1
    job: str = Field(default="", max_length=100)
    due_at: Utc
    fired_at: Utc
    pid: int = Field(ge=0)
    ended_at: Utc | None = None
    exit_code: int | None = None
