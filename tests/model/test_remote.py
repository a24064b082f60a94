"""Addresses of a bus on a server: what is one, what is meant as one, and that no part of a password is shown."""

import pytest

from somabus.model.remote import is_remote, parse_remote, shown

ADDRESSES = {
    "nats://h:4222/soma": "nats://h:4222/soma",
    "NATS://h/soma": "nats://h/soma",
    "tls://h/soma@hub": "tls://h/soma@hub",
    "nats://[::1]:4222/soma": "nats://[::1]:4222/soma",
    "nats://u:hush@h:4222/soma": "nats://h:4222/soma",
    "nats://hush@h:4222/soma": "nats://h:4222/soma",
    "nats://u:hush@a:1,b:2/soma": "nats://a:1,b:2/soma",
    "nats://u:hush@a:1,u:hush@b:2/soma": "nats://a:1,b:2/soma",
    "nats://u:hush@h": "nats://h",
}
"""Addresses, and what is shown of them; the last names no stream."""

NONE = [
    "nats://", "nats:///soma", "nats://u:se/hush@h:4222", "nats://u:se/hush@h:4222/soma", "nats://u:12,hush@h:4222/soma",
    "nats://u:12,x:hush@h/soma", "nats://u:hu#sh@h/soma", "nats://u:hu?sh@h/soma", "nats://u:hu[sh@h/soma",
    "nats://u:1@a:1,u:hush@b:2/soma", "nats://u:hu@sh@h:4222/soma", "nats://u:hush@h:4222/so.ma", "nats://u:hush@h/soma/",
    "nats://u:hush@h:99999/soma", "nats://u:hush@h/a/b", "nats:/u:hush@h/soma", "nats:u:hush@h/soma", "nat://u:hush@h/soma",
    "http://u:hush@h/soma", "hush.h:42218/soma", "hush.h:4222",
]  # fmt: skip
"""What is meant as an address and is none."""


@pytest.mark.parametrize(("text", "said"), ADDRESSES.items())
def test_an_address_is_shown_without_who_we_are(text, said):
    """What is shown of an address leads to the same place and holds neither user nor password."""
    assert is_remote(text)
    assert shown(text) == said
    assert parse_remote(said)[2:] == parse_remote(text)[2:]
    assert parse_remote(said).who == ()


@pytest.mark.parametrize("text", NONE)
def test_nothing_is_shown_of_what_is_no_address(text):
    """A slip in an address does not make it a folder, and shows no part of what may be a password."""
    assert is_remote(text)
    assert parse_remote(text) is None
    assert shown(text) in {"nats://…", "nat://…", "http://…", "…"}


@pytest.mark.parametrize(
    "text",
    [
        "bus",
        "./nats",
        "/mnt/a:22",
        "X:/soma",
        "X:\\soma",
        "X:soma",
        "//host/share",
        "natsbus",
        "a:b",
        "a:4222",
        "run-12:30",
    ],
)
def test_a_folder_is_none(text):
    """Paths of any system stay paths."""
    assert not is_remote(text)


def test_who_we_are_is_decoded():
    """User and password may be percent-encoded; one word alone is a token."""
    assert parse_remote("nats://a%40b:p%2Fw%3A:x@h/soma").who == ("a@b", "p/w::x")
    assert parse_remote("nats://tok%25en@h/soma").who == ("tok%en",)
