"""Addresses of a bus on a server: what is one, what is meant as one, and that no part of a password is shown."""

import pytest

from somabus.model.remote import is_remote, mistake, parse_remote, shown, with_stream

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


MISTAKES = {
    "nats://h:abc/soma": "a port is no number from 1 to 65535",
    "nats://u:hush@h:99999/soma": "a port is no number from 1 to 65535",
    "nats://a:1,b:0x/soma": "a port is no number from 1 to 65535",
    "nats://[::1]:abc/soma": "a port is no number from 1 to 65535",
    "nats://u:hush@h:4222/so.ma": "its stream's name has other signs, or more than 32",
    "nats://h/soma/x": "its stream's name has other signs, or more than 32",
    "nats://h/soma?x=1": "its stream's name has other signs, or more than 32",
    "nats://h/soma ": "there is a blank in it",
    " nats://h/soma": "there is a blank in it",
    "nats:/h/soma": "it does not begin with nats:// or tls://",
    "http://u:hush@h/soma": "it does not begin with nats:// or tls://",
    "nats:\\\\h\\soma": "it has backslashes where slashes belong",
    "nats://a,nats://b/soma": "nats:// stands once, in front; more hosts follow with commas",
    "nats://h:4222": "no name of a stream comes behind the host",
    "nats:///soma": "no host comes behind nats://",
}
"""Slips, and what is said of each."""


@pytest.mark.parametrize(("text", "said"), MISTAKES.items())
def test_a_slip_in_an_address_is_named(text, said):
    """What is wrong is said, and nothing that was written; a blank in front makes no folder of an address."""
    assert is_remote(text)
    assert mistake(text) == said
    assert "hush" not in shown(text) + mistake(text)


@pytest.mark.parametrize("text", [text for text in ADDRESSES if parse_remote(text).stream])
def test_an_address_has_no_mistake(text):
    """Of what is an address nothing is said to be wrong."""
    assert mistake(text) == ""


def test_another_stream_of_the_same_server():
    """Another stream is named with the same servers, the same user and the same domain, whether one was named or not."""
    assert with_stream("nats://u:x@a:1,b:2/soma@hub", "s") == "nats://u:x@a:1,b:2/s@hub"
    assert with_stream("nats://h:4222", "s") == "nats://h:4222/s"
    assert with_stream("nats://h:abc", "s") == "nats://h:abc"


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
