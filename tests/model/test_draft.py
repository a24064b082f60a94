"""A draft asks for the recipient alone; everything else has a quiet default."""

from somabus.model.draft import Draft


def test_a_draft_needs_only_its_recipient():
    """A note of normal priority that never expires, refers to nothing and may be sent twice."""
    draft = Draft("planner")

    assert (draft.kind, draft.priority, draft.body, draft.data) == ("note", "normal", "", {})
    assert {draft.expires_in, draft.not_before, draft.reply_to, draft.topic, draft.key, draft.supersedes} == {None}


def test_two_drafts_share_no_data():
    """Filling the data of one draft leaves the other empty."""
    Draft("planner").data["n"] = 1

    assert Draft("planner").data == {}
