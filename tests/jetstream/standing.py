"""A link that stands still before a question of one's choosing, and lets others go on."""

from somabus.store.nats import Link


class StandingLink(Link):
    """Asks one after the other; before question number `at` it does `meanwhile`, once."""

    def __init__(self, servers):
        super().__init__(servers)
        self.stand(0, None)

    def stand(self, at, meanwhile):
        """Stand still before the question of this number, counted from now; 0 is never."""
        self.asked, self.at, self.meanwhile = 0, at, meanwhile

    def ask_all(self, questions):
        """See `Link.ask_all`."""
        return [answer for each in questions for answer in self._one(each)]

    def _one(self, question):
        self.asked += 1
        if self.asked == self.at:
            self.meanwhile()
        return super().ask_all([question])
