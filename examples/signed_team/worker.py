"""An agent that runs shell commands for others: each only with a human's approval of exactly that command."""

import subprocess

from somabus import Agent, Message


def setup(agent: Agent) -> None:
    """Register the handler; mail of this kind is delivered with an approval or not at all."""

    @agent.on("shell")
    def shell(message: Message) -> dict:
        command = message.body
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)  # noqa: S602
        return {"code": done.returncode, "out": done.stdout[-10_000:], "err": done.stderr[-10_000:]}
