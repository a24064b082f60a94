"""What the tests of services share."""

from collections import Counter

import pytest

from somabus.model import signing
from somabus.model.envelope import Seal


@pytest.fixture
def checks(monkeypatch):
    """How many signatures were checked, by what they seal."""
    count, verifies = Counter(), signing.verifies

    def counted(key, data, signature):
        count[Seal(data.partition(b"\n")[0].decode())] += 1
        return verifies(key, data, signature)

    monkeypatch.setattr(signing, "verifies", counted)
    return count
