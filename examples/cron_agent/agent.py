"""A librarian: answers questions from a shelf, notes what it learns, and checks its own health at every beat."""

from somabus import Agent, Message

SHELF = {"smb": "hard links hold on SMB 3.1.1", "nfs": "look by listing, not by probing"}


def setup(agent: Agent) -> None:
    """Register the handlers; `somabus beat --script agent.py` calls this."""

    @agent.on("question")
    def answer(message: Message) -> str:
        return SHELF.get(message.body.lower(), "nothing on the shelf about that")

    @agent.on("note")
    def note(message: Message) -> None:
        agent.learn(message.topic or "notes", message.body, confidence=0.3)

    @agent.check
    def shelf() -> str:
        return f"{len(SHELF)} entries"
