"""A race of two threads on one machine: as much of one winner as a single client can show."""

import threading
from typing import Final

from somabus.doctor import taking
from somabus.doctor.finding import Finding, Weight
from somabus.doctor.place import Place

RACES: Final = 40
_PATIENCE_S: Final = 10.0


def race(way: str, place: Place) -> Finding:
    """Race for names in one way, and judge it.

    Raises:
        OSError: the drive refuses what the race needs.
    """
    start, taken, failed = threading.Barrier(2), list[taking.Taken](), list[OSError]()
    for me in ("a", "b"):
        taking.WAYS[way].prepare(place.folder, me, RACES)
    taking.make_letters(place.folder, RACES if way == "claim" else 0)

    def begin(_number: int) -> None:
        start.wait(_PATIENCE_S)

    def racer(me: str) -> None:
        try:
            taken.append(taking.run(way, place.folder, me, RACES, begin))
        except threading.BrokenBarrierError:
            pass  # the other one has failed, and says why
        except OSError as error:
            failed.append(error)
            start.abort()

    threads = [threading.Thread(target=racer, args=(me,)) for me in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _judged(way, taken, failed)


def _judged(way: str, taken: list[taking.Taken], failed: list[OSError]) -> Finding:
    if any(isinstance(each, taking.NoLinksError) for each in failed):
        said = "no hard links here; documents are published as folders, which costs a little more"
        return Finding("link", Weight.NOTE, "exclusive", said, "", {"hard_links": False})
    if failed:
        raise failed[0]
    return taking.verdict(way, taken, RACES, "two on this machine")
