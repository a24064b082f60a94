"""What the doctor makes of what a server says of itself: each look, by a table; the tries are in tests/surfaces."""

import pytest

from somabus.doctor.server import LOOKS
from somabus.store.nats.facts import Facts

GIB = 2**30
WELL = Facts(
    where="10.0.0.7:4222", stream="soma", version="2.15.1", domain="", secret=True, most_bytes=2 * 2**20, storage="file",
    replicas=3, behind=(), messages=10, bytes=1000, stream_limit=0, account_bytes=1000, account_limit=0,
    takers=("soma",),
)  # fmt: skip


def found(**facts):
    """The names and weights of what is found, but for the line that says what the stream is."""
    told = [finding for look in LOOKS for finding in look(WELL._replace(**facts))]
    return [(each.name, str(each.weight)) for each in told if each.name != "stream"]


def test_a_server_that_gives_all_is_not_complained_of():
    """Three replicas in files, TLS, room and large messages: nothing is found."""
    assert found() == []


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"version": "2.10.21"}, ("version", "error")),
        ({"version": "2.8.4"}, ("version", "warning")),
        ({"replicas": 1}, ("durability", "note")),
        ({"storage": "memory"}, ("durability", "error")),
        ({"behind": ("n2",)}, ("replica", "warning")),
        ({"most_bytes": 2**20}, ("payload", "note")),
        ({"most_bytes": 2**16}, ("payload", "warning")),
        ({"stream_limit": GIB, "bytes": GIB * 9 // 10}, ("room", "warning")),
        ({"account_limit": GIB, "account_bytes": GIB}, ("room", "error")),
        ({"secret": False}, ("tls", "note")),
        ({"takers": ("soma@hub", "soma@site")}, ("name", "error")),
    ],
)
def test_what_a_server_lacks_is_told(facts, expected):
    """Each lack alone is one finding, as grave as what it may cost, with the next step."""
    assert found(**facts) == [expected]
    assert all(each.step for look in LOOKS for each in look(WELL._replace(**facts)) if each.name == expected[0])


def test_what_is_no_lack_is_not_told():
    """A server of this machine needs no TLS, and the releases around those that lose mail do not."""
    assert found(secret=False, where="127.0.0.1:4222") == []
    assert found(version="2.10.23") == found(version="2.9.10") == []
