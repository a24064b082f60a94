"""The table of attacks and outcomes, as the summary of a run shows it."""

from tests.attacks.attack import DASH, PROMISES
from tests.attacks.table import ATTACKS


def lines(kept):
    """Say for each attack that was played which promises held."""
    shown = [each for each in ATTACKS if each.name in kept]
    yield f"attacks played against real agents on a real folder: {len(shown)}"
    yield "  " + "  ".join(f"{promise:8}" for promise in PROMISES)
    for attack in shown:
        cells = [_cell(attack, promise, kept[attack.name].get(promise, "not run")) for promise in PROMISES]
        yield "  " + "  ".join(f"{cell:8}" for cell in cells) + f"  {attack.name}: {attack.outcome}"


def _cell(attack, promise, said):
    return DASH if said == "yes" and attack.cell(promise).startswith(DASH) else said
