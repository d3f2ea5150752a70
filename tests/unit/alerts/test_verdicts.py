"""Sentences for the alerts at the top of the overview."""

from alerts.catalogue import every_alert
from alerts.model import Severity
from alerts.verdicts import NO_DATA, VERDICTS


def test_every_critical_alert_and_warning_has_a_sentence() -> None:
    """Every critical alert and every warning has a sentence; alerts of severity info have none."""
    acted_on = {one.name for one in every_alert() if one.severity in {Severity.CRITICAL, Severity.WARNING}}
    assert {one.alert for one in VERDICTS} == acted_on
    severities = {one.name: one.severity for one in every_alert()}
    assert all(one.severity is severities[one.alert] for one in VERDICTS)


def test_priorities() -> None:
    """Priorities are unique; critical alerts come before warnings, and only MailApiDown before missing data."""
    priorities = {one.alert: one.priority for one in VERDICTS}
    assert len({*priorities.values()}) == len(priorities)
    assert {name for name, priority in priorities.items() if priority > NO_DATA} == {"MailApiDown"}
    assert all((one.priority >= 200) == (one.severity is Severity.CRITICAL) for one in VERDICTS)
    assert all(100 <= one.priority for one in VERDICTS)


def test_sentences_are_short() -> None:
    """A sentence and its numbers fit on one line of the overview at 1280 pixels."""
    assert max(len(one.sentence) for one in VERDICTS) <= 64
