"""What was measured by hand on each drive, with two machines: what the doctor must find there."""

from typing import NamedTuple

SOON = (0, 3)


class Known(NamedTuple):
    """What holds, and between which seconds a new name and new bytes are seen on the other machine."""

    facts: dict[str, object]
    listed_s: tuple[float, float] = SOON
    opened_s: tuple[float, float] = SOON
    replaced_s: tuple[float, float] = SOON


COMMON = {
    "network": True, "mkdir_exclusive": True, "folder_exclusive": True, "claims_exclusive": True, "native_events": False,
}  # fmt: skip
# Of `O_EXCL` on NFS and smbnetfs nothing is asserted: two machines both won one to a hundred of a hundred.
LINKS = {"hard_links": True, "link_exclusive": True}
MEASURED = {
    "sshfs": Known(
        {**COMMON, **LINKS, "kind": "fuse.sshfs", "symbolic_links": True, "open_exclusive": True, "case_sensitive": True,
         "locks_across": False},
        listed_s=(10, 25),
    ),
    "smbnetfs": Known(
        {**COMMON, "kind": "fuse.smbnetfs", "hard_links": False, "link_exclusive": None, "symbolic_links": False,
         "case_sensitive": False, "locks_across": False},
    ),
    "cifs": Known(
        {**COMMON, **LINKS, "kind": "cifs", "symbolic_links": False, "open_exclusive": True, "case_sensitive": False,
         "locks_across": True},
        replaced_s=(0, 15),
    ),
    "nfs": Known(
        {**COMMON, **LINKS, "kind": "nfs4", "symbolic_links": True, "case_sensitive": True, "locks_across": True},
        opened_s=(15, 45),
    ),
}  # fmt: skip


def check(name, drive):
    """Assert that what the doctor remembers of a drive is what was measured there."""
    known = MEASURED[name]
    assert {fact: getattr(drive, fact) for fact in known.facts} == known.facts
    for fact in ("appears_listed_s", "appears_opened_s", "replaced_s"):
        least, most = getattr(known, fact.removeprefix("appears_"))
        assert least <= getattr(drive, fact) <= most, fact
