"""The table of causes."""

from mail_telemetry.causes import EXPLANATIONS, Cause


def test_every_cause_is_explained() -> None:
    """Each cause has a meaning and a next step."""
    assert set(Cause) == set(EXPLANATIONS)
    assert all(item.meaning and item.next_step for item in EXPLANATIONS.values())
