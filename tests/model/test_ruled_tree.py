"""The tree is a public format: what operators rule lies where docs/format.md says, legal on every drive."""

import pytest

from somabus.model import tree
from somabus.store.port import check_key
from tests.model.examples import ID

KEYS = {
    "registry/scout/certificate.json": tree.certificate("scout"),
    "registry/scout/rotation.json": tree.rotation("scout"),
    "operator/revocations.json": tree.REVOCATIONS,
    "operator/history/bus": tree.history("bus"),
    f"operator/resumed/{ID}.json": tree.resumed(ID),
    f"goals/{ID}.json": tree.goal(ID),
    f"goals/proposed/{ID}.json": tree.proposal(ID),
    f"goals/{ID}": tree.work(ID),
    f"goals/{ID}/scout.json": tree.work(ID, "scout"),
    "values.md": tree.VALUES,
    f"approvals/{ID}": tree.approval(ID),
    f"approvals/{ID}/request.json": tree.approval(ID, "request"),
    f"approvals/{ID}/answer.json": tree.approval(ID, "answer"),
    f"approvals/{ID}/use.json": tree.approval(ID, "use"),
    "audit": tree.AUDIT,
    "audit/evidence/ab12": tree.evidence("ab12"),
}


@pytest.mark.parametrize("written", KEYS)
def test_each_thing_lies_where_the_format_says(written):
    """Another language finds every document under the documented key, and every drive can hold it."""
    assert KEYS[written] == written
    assert check_key(written) == written
