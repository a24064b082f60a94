"""What may be acted on is one table of trust and policy."""

import pytest

from somabus.model.trust import Policy, Trust, may_act

ALLOWED = {
    Policy.CERTIFIED: {Trust.OPERATOR, Trust.CERTIFIED},
    Policy.PINNED: {Trust.OPERATOR, Trust.CERTIFIED, Trust.PINNED},
    Policy.OPEN: {Trust.OPERATOR, Trust.CERTIFIED, Trust.PINNED, Trust.UNSIGNED},
}


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("trust", Trust)
def test_each_policy_lets_through_what_it_says(trust, policy):
    """`pinned` wants a remembered key or better, `open` takes unsigned mail too."""
    assert may_act(trust, policy) is (trust in ALLOWED[policy])


@pytest.mark.parametrize("policy", Policy)
def test_forged_mail_is_never_acted_on(policy):
    """No policy lets through what carries a wrong signature."""
    assert not may_act(Trust.FORGED, policy)


@pytest.mark.parametrize("policy", Policy)
def test_better_trust_never_hurts(policy):
    """If mail of some trust is let through, so is all mail of better trust."""
    verdicts = [may_act(trust, policy) for trust in Trust]

    assert verdicts == sorted(verdicts, reverse=True)
