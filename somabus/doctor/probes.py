"""What one machine can find out about a drive: a table of probes, each of which makes one finding."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from somabus.doctor.duel import race
from somabus.doctor.finding import Finding, Weight
from somabus.doctor.holder import Holder, take
from somabus.doctor.place import Place, drive_time, get, put, spoken
from somabus.doctor.taking import WAYS
from somabus.model.presence import SKEW_TOLERANCE

_REPLACES: Final = 60
_LISTED: Final = 100
_PATIENCE_S: Final = 10.0
_PAUSE_S: Final = 0.01
_SMALL_OFFSET_S: Final = 2.0
_SLOW_SYNC_S: Final = 0.2
_LOW: Final = 200 * 2**20
_FULL: Final = 20 * 2**20
_LONGEST_NAME: Final = 64 + len("=") + 64  # the folder of a channel
_LONGEST_KEY: Final = len("channels/") + _LONGEST_NAME + len("/scratchpad/0000000/0000000000.json")
_FORBIDDEN: Final = ("con", "aux.json", "dot.")  # a colon took a whole mount of smbnetfs down
_CANNOT_SYNC: Final = frozenset([errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EPERM, errno.EBADF])

Probe = Callable[[Place], Finding]


def examine(place: Place) -> Iterator[Finding]:
    """Make every probe, each in a folder of its own; one that fails is itself a finding."""
    for name, probe in PROBES.items():
        try:
            yield probe(place.inner(name.replace(" ", "-")))
        except OSError as error:
            said = f"could not be tried: {error.strerror or error}"
            yield Finding(name, Weight.ERROR, "drive", said, "mend the drive, then: somabus doctor")


def _mount(place: Place) -> Finding:
    kind, network = place.mount
    said = f"{kind or 'of a kind that this system does not tell'}, {'network' if network else 'local'}"
    return Finding("mount", Weight.OK, "drive", said)


def _replace(place: Place) -> Finding:
    """One writes anew again and again, another reads."""
    path, done, odd, missing = place.folder / "whole", threading.Event(), 0, 0
    put(path, b"0" * 4096)

    def write() -> None:
        with suppress(OSError):  # a reader has it open: the store tries again, and so do we at the next number
            for number in range(1, _REPLACES):
                put(path, b"%d" % (number % 10) * 4096)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        try:
            data = get(path)
            odd += len(data) != 4096 or len(set(data)) != 1  # noqa: PLR2004
        except OSError:
            missing += 1
    writer.join()
    if odd:
        said = f"a reader met {odd} half written files; readers of somabus check what they read, and look again"
        return Finding("replace", Weight.WARNING, "drive", said, "keep the bus on another drive, if you can")
    if missing:
        said = f"whole, but missing for a moment, {missing} times; readers look again"
        return Finding("replace", Weight.NOTE, "drive", said)
    return Finding("replace", Weight.OK, "drive", f"{_REPLACES} times under a reader: old or new, never neither")


def _lock(place: Place) -> Finding:
    path = place.folder / "lock"
    with Holder(path) as holder:
        if not holder.holds:
            return Finding("lock", Weight.NOTE, "drive", "this drive has no locks; nothing is decided by them", "",
                           {"locks": False})  # fmt: skip
        if take(path) is not False:
            said = "two processes of this machine held one lock; beats of one agent may overlap, leases still decide"
            return Finding("lock", Weight.WARNING, "drive", said, "run one scheduler an agent", {"locks": False})
        holder.kill()
        freed_s = _until(place, lambda: take(path) is True)
    if freed_s is None:
        said = "a lock stays when its holder is killed; the next beat on this machine would be told to wait for ever"
        step = f"remove the files in {place.root / 'tmp' / 'locks'} when no agent runs"
        return Finding("lock", Weight.WARNING, "drive", said, step, {"locks": False})
    return Finding("lock", Weight.OK, "drive", f"held, and free {spoken(freed_s)} after its holder was killed", "",
                   {"locks": True})  # fmt: skip


def _visible(place: Place) -> Finding:
    """Its own writes are seen at once, even by a machine that has looked too early."""
    path = place.folder / "new"
    path.exists()
    os.listdir(place.folder)
    put(path, b"old")
    listed_s = _until(place, lambda: "new" in os.listdir(place.folder))
    put(path, b"new")
    read_s = _until(place, lambda: get(path) == b"new")
    if listed_s is None or read_s is None:
        said = "this machine does not see its own writes within ten seconds"
        return Finding("visible", Weight.ERROR, "drive", said, "look at the mount's caching options")
    return Finding(
        "visible", Weight.OK, "drive", f"own writes: listed after {spoken(listed_s)}, read after {spoken(read_s)}"
    )


def _listing(place: Place) -> Finding:
    for number in range(_LISTED):
        (place.folder / f"{number}").touch()
    begun = place.clock.monotonic()
    count = len(os.listdir(place.folder))
    took_s = place.clock.monotonic() - begun
    if count < _LISTED:
        said = f"a listing showed {count} of {_LISTED} files just made; what it misses a later one finds"
        return Finding("listing", Weight.NOTE, "drive", said)
    return Finding("listing", Weight.OK, "drive", f"{_LISTED} names in {spoken(took_s)}")


def _fsync(place: Place) -> Finding:
    begun = place.clock.monotonic()
    with (place.folder / "synced").open("wb") as file:
        file.write(b"x")
        file.flush()
        os.fsync(file.fileno())
    took_s = place.clock.monotonic() - begun
    facts = {"fsync_s": round(took_s, 4), "fsync_folders": _syncs_folders(place.folder)}
    if not facts["fsync_folders"]:
        said = f"a file costs {spoken(took_s)}; folders cannot be forced to the disk, that is the server's affair"
        return Finding("fsync", Weight.NOTE, "drive", said, "", facts)
    weight = Weight.NOTE if took_s > _SLOW_SYNC_S else Weight.OK
    step = "where a power cut may take the newest mail: SOMABUS_DURABILITY=file" if weight is Weight.NOTE else ""
    return Finding("fsync", weight, "drive", f"a file costs {spoken(took_s)}; folders can be forced too", step, facts)


def _syncs_folders(folder: Path) -> bool:
    if os.name == "nt":
        return False
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
        return False
    finally:
        os.close(fd)
    return True


def _clock(place: Place) -> Finding:
    before = place.clock.now().timestamp()
    drive = drive_time(place.folder, "clock")
    after = place.clock.now().timestamp()
    offset_s = drive - (before + after) / 2
    said = f"the drive's is {abs(offset_s):.1f} s {'ahead of' if offset_s > 0 else 'behind'} this machine's"
    facts = {"clock_offset_s": round(offset_s, 3)}
    if abs(offset_s) > SKEW_TOLERANCE.total_seconds():
        said = f"{said}; this machine's schedule fires that much beside the grid"
        return Finding("clock", Weight.WARNING, "drive", said, "set both by a time server", facts)
    return Finding("clock", Weight.NOTE if abs(offset_s) > _SMALL_OFFSET_S else Weight.OK, "drive", said, "", facts)


def _path_length(place: Place) -> Finding:
    length = len(str(place.root)) + 1 + _LONGEST_KEY
    left = length - len(str(place.folder)) - 1
    try:
        (place.folder / ("a" * _LONGEST_NAME)).mkdir()
        (place.folder / ("b" * (left // 2))).mkdir()
        (place.folder / ("b" * (left // 2)) / ("c" * (left - left // 2 - 1))).touch()
    except OSError as error:
        step = "keep the bus nearer to the root of its drive; on Windows, switch on long paths"
        said = f"a path of {length} characters, as the bus can have, is refused: {error.strerror}"
        return Finding("path length", Weight.ERROR, "drive", said, step)
    return Finding("path length", Weight.OK, "drive", f"the longest path of this bus, {length} characters, is possible")


def _case(place: Place) -> Finding:
    (place.folder / "case").touch()
    sensitive = not (place.folder / "CASE").exists()
    said = "case counts in names" if sensitive else "case does not count in names; names of the bus are lower case"
    return Finding("case", Weight.OK, "drive", said, "", {"case_sensitive": sensitive})


def _names(place: Place) -> Finding:
    refused = []
    for name in _FORBIDDEN:
        with suppress(OSError):
            (place.folder / name).touch()
        if name not in os.listdir(place.folder):
            refused.append(name)
    said = f"refused or renamed: {' '.join(refused)}; the bus uses no such name" if refused else "any name is possible"
    return Finding("names", Weight.OK, "drive", said)


def _symbolic_links(place: Place) -> Finding:
    try:
        (place.folder / "link").symlink_to("nowhere")
        there = True
    except (OSError, NotImplementedError):
        there = False
    said = "symbolic links can be made" if there else "no symbolic links"
    return Finding("symbolic links", Weight.OK, "drive", f"{said}; the bus follows none", "", {"symbolic_links": there})


def _space(place: Place) -> Finding:
    usage = place.usage(str(place.root))
    said = f"{usage.free / 2**20:,.0f} MiB free"
    if not usage.total:
        return Finding("space", Weight.NOTE, "drive", "this drive does not tell how much is free; look on its server")
    if usage.free < _LOW:
        weight = Weight.ERROR if usage.free < _FULL else Weight.WARNING
        return Finding("space", weight, "drive", f"{said}; sending ends when nothing is left", "make room on the drive")
    return Finding("space", Weight.OK, "drive", said)


PROBES: Final[dict[str, Probe]] = {
    "mount": _mount,
    **{way: partial(race, way) for way in WAYS},
    "replace": _replace,
    "lock": _lock,
    "visible": _visible,
    "listing": _listing,
    "fsync": _fsync,
    "clock": _clock,
    "path length": _path_length,
    "case": _case,
    "names": _names,
    "symbolic links": _symbolic_links,
    "space": _space,
}


def _until(place: Place, look: Callable[[], bool]) -> float | None:
    """Return after how many seconds it was so, or None if it never was."""
    begun, pause = place.clock.monotonic(), threading.Event()
    while (passed := place.clock.monotonic() - begun) < _PATIENCE_S:
        with suppress(OSError):
            if look():
                return passed
        pause.wait(_PAUSE_S)
    return None
