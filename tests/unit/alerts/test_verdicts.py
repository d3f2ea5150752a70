"""The sentence that each alert puts at the top of the overview."""

from alerts.catalogue import every_alert
from alerts.model import Severity
from alerts.verdicts import NO_DATA, VERDICTS


def test_every_critical_alert_and_warning_has_a_sentence() -> None:
    """No alert that somebody has to act on is missing, and none of severity info is there."""
    acted_on = {one.name for one in every_alert() if one.severity in {Severity.CRITICAL, Severity.WARNING}}
    assert {one.alert for one in VERDICTS} == acted_on
    severities = {one.name: one.severity for one in every_alert()}
    assert all(one.severity is severities[one.alert] for one in VERDICTS)


def test_priorities() -> None:
    """No two sentences have the same; critical ones come before warnings, and after missing data but for the API."""
    priorities = {one.alert: one.priority for one in VERDICTS}
    assert len({*priorities.values()}) == len(priorities)
    assert {name for name, priority in priorities.items() if priority > NO_DATA} == {"MailApiDown"}
    assert all((one.priority >= 200) == (one.severity is Severity.CRITICAL) for one in VERDICTS)
    assert all(100 <= one.priority for one in VERDICTS)


def test_sentences_are_short() -> None:
    """The sentence and its numbers fit on one line of the overview at 1280 pixels."""
    assert max(len(one.sentence) for one in VERDICTS) <= 64
