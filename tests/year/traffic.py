"""What the agents of the year do: mail of every kind, answers, insights, posts."""

from dataclasses import dataclass
from datetime import timedelta

CHANNEL = "general"
_TEXT = "what was found on this round, with the figures and where they come from; " * 8


@dataclass(frozen=True)
class Traffic:
    """How often each agent does something in a beat, as a chance; `chatty` shares and posts so often every time."""

    mail: float = 0.6
    question: float = 0.2
    insight: float = 0.1
    post: float = 0.5
    chatty: int = 3
    follows: int = 5


class Work:
    """The work of all agents; what was begun and not acknowledged is begun again in the next process."""

    def __init__(self, names, traffic, ledger, dice):
        self._names = names
        self._traffic = traffic
        self._ledger = ledger
        self._dice = dice
        self._unsure = {name: [] for name in names}
        self._count = 0
        self.posts = 0

    def handle(self, agent):
        """Give an agent its handlers, and let it follow the channel if it is one of those who do."""

        @agent.on("*")
        def handle(message, delivery):
            self._ledger.hand_over(message, delivery)
            return self._done(message, delivery)

        @agent.on("insight")
        def hear(message):
            self._ledger.heard[agent.name, message.sender].add(message.data["statement"])

    def _done(self, message, delivery):
        then = message.data.get("then")
        if then == "reject":
            delivery.reject("no work of mine")
        elif then == "fail" or (then == "stumble" and delivery.attempt == 1):
            message_ = f"{then} at attempt {delivery.attempt}"
            raise RuntimeError(message_)
        return "it is so" if message.kind == "question" else None

    def follows(self, name):
        """Tell whether an agent reads the channel."""
        return self._names.index(name) < self._traffic.follows

    def do(self, agent, *, away):
        """Do what comes up before a beat."""
        name, rate = agent.name, self._traffic
        for to, key in list(self._unsure[name]):
            self._keyed(agent, to, key, away=away)
        if self._chance(rate.mail):
            self._mail(agent, away=away)
        if self._chance(rate.question):
            self._ask(agent, away=away)
        chatty = rate.chatty if name == self._names[0] else 0
        for _ in range(chatty + self._chance(rate.insight)):
            self._learn(agent)
        if not away:
            for _ in range(chatty + self._chance(rate.post)):
                self._post(agent)

    def read(self, agent, writer):
        """Read the channel as a careful agent does: what was worked through is marked."""
        if not self.follows(agent.name):
            return
        agent.subscribe(CHANNEL)
        reading = agent.peek([CHANNEL], limit=500)
        for post in reading.posts:
            self._ledger.has_read(agent.name, post, writer)
        agent.mark_read(reading)

    # -- one of each ------------------------------------------------------------------------------------------

    def _mail(self, agent, *, away):
        kind = self._dice.choices(
            ("plain", "keyed", "expiring", "reject", "fail", "stumble", "withdrawn"), (50, 15, 10, 5, 2, 8, 5)
        )[0]
        to = self._other(agent.name)
        if kind == "keyed":
            self._keyed(agent, to, f"k{self._number()}", away=away)
            return
        lasts = timedelta(hours=self._dice.randint(1, 36)) if kind == "expiring" else None
        fields = {} if lasts is None else {"expires_in": lasts}
        receipt = agent.send(to, _TEXT, kind="task", data={"then": kind}, spool=away, **fields)
        ends_at = None if lasts is None else receipt.sent_at + lasts
        self._ledger.acknowledged(agent.name, receipt, expires_at=ends_at)
        if kind == "withdrawn" and not receipt.spooled:
            agent.withdraw(receipt)

    def _keyed(self, agent, to, key, *, away):
        """Send until it is acknowledged, and now and then once more: the key makes one message of it."""
        if (to, key) not in self._unsure[agent.name]:
            self._unsure[agent.name].append((to, key))
        receipt = agent.send(to, _TEXT, kind="task", key=key, spool=away)
        self._ledger.acknowledged(agent.name, receipt, key=key)
        if self._chance(0.8):
            self._unsure[agent.name].remove((to, key))

    def _ask(self, agent, *, away):
        receipt = agent.send(self._other(agent.name), "Is it so?", kind="question", spool=away)
        self._ledger.acknowledged(agent.name, receipt, question=True)

    def _learn(self, agent):
        statement = f"{agent.name} found {self._number()}"
        agent.learn("round", statement, 0.7)
        self._ledger.learned[agent.name].add(statement)

    def _post(self, agent):
        agent.post(CHANNEL, _TEXT, **({"key": f"p{self._number()}"} if self._chance(0.1) else {}))
        self.posts += 1

    def _other(self, name):
        return self._dice.choice([each for each in self._names if each != name])

    def _number(self):
        self._count += 1
        return self._count

    def _chance(self, rate):
        return self._dice.random() < rate
