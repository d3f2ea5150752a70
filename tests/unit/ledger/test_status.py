"""Status of a mail and its recipients, from submission, log and attempts."""

import re
from typing import Any

import pytest

from mail_ledger import AttemptRow
from mail_ledger.status import Backoff, RecipientStatus, Retry, State, message_status
from mail_ledger.submissions import Submission
from mail_ledger.tables import SubmissionState
from mail_telemetry.cause_rules import Classifier, Rule
from mail_telemetry.causes import EXPLANATIONS, Cause
from tests.unit.ledger.fakes import NOW, attempt_row, message_row

TRACE = "0af7651916cd43dd8448eb211c80319c"


def submitted(state: SubmissionState = SubmissionState.ACCEPTED, *recipients: str, **fields: Any) -> Submission:  # noqa: ANN401 - any field
    """Return a submission in this state."""
    usual: dict[str, Any] = {
        "id": "msg_1",
        "message_id": "<msg_1.mail-api@example.org>",
        "state": state,
        "code": None,
        "queue_id": None,
        "created": NOW - 1,
        "finished": None,
        "key": None,
        "recipients": recipients or ("a***@example.com",),
        "recipient_count": len(recipients) or 1,
        "tags": {},
        "trace_id": None,
    }
    return Submission(**{**usual, **fields})


@pytest.mark.parametrize(
    ("of_submission", "state"),
    [
        (SubmissionState.PENDING, State.PENDING),
        (SubmissionState.ACCEPTED, State.ACCEPTED),
        (SubmissionState.UNKNOWN, State.UNKNOWN),
        (SubmissionState.FAILED, State.FAILED),
    ],
)
def test_mail_not_yet_in_the_log(of_submission: SubmissionState, state: State) -> None:
    """The status of a mail that is not logged follows from its submission."""
    found = message_status(submitted(of_submission, code="why", queue_id="4jX", trace_id=TRACE), None, [])
    assert (state, state) == (found.state, found.recipients[0].state)
    assert ("why", "4jX", TRACE, NOW - 1) == (found.code, found.queue_id, found.trace_id, found.created)


def test_incomplete_mail_is_not_queued() -> None:
    """The status of a mail whose transfer was interrupted follows from its submission."""
    mail = message_row(api_id="msg_1", activations=0)
    assert message_status(submitted(SubmissionState.UNKNOWN), mail, []).state is State.UNKNOWN


def test_log_overrides_submission() -> None:
    """A mail of unknown outcome that is in the log was accepted."""
    found = message_status(submitted(SubmissionState.UNKNOWN, code="no_reply"), message_row(api_id="msg_1"), [])
    assert (State.QUEUED, None, NOW) == (found.state, found.code, found.queued)


def test_without_a_submission() -> None:
    """A status needs no submission when the mail is in the log."""
    mail = message_row(api_id="msg_1", traceparent=f"00-{TRACE}-b7ad6b7169203331-03")
    found = message_status(None, mail, [attempt_row(mail)])
    assert ("msg_1", State.RELAYED, TRACE, mail.queue_id) == (
        *(found.id, found.state, found.trace_id),
        found.queue_id,
    )


def test_nothing_known() -> None:
    """A status without submission and log raises an error."""
    with pytest.raises(ValueError, match="needs a submission or a mail"):
        message_status(None, None, [])


def test_deferred() -> None:
    """A deferred mail has cause, reply, next attempt, and whether a retry can succeed."""
    mail = message_row()
    first = attempt_row(mail, status="deferred", cause="rate", ended=NOW + 5, dsn="4.7.0", reply="421 slow down")
    second = attempt_row(mail, status="deferred", cause="auth", number=2, ended=NOW + 400, dsn="4.7.8", reply="535 no")
    found = message_status(submitted(), mail, [first, second], Backoff(300, 3600, 60, 1e6))
    assert (State.DEFERRED, 2, Cause.AUTH, False) == (
        *(found.state, found.attempts, found.cause),
        found.retry_can_succeed,
    )
    assert (Retry(NOW + 800, NOW + 860), NOW + 1e6) == (found.retry, found.gives_up_at)
    assert "app password" in str(found.next_step)
    assert found.recipients == (
        RecipientStatus(
            recipient="a***@example.com",
            state=State.DEFERRED,
            ended=NOW + 400,
            relay="smtp.gmail.com[192.0.2.1]:587",
            dsn="4.7.8",
            cause=Cause.AUTH,
            reply="535 no",
        ),
    )


def test_suspended_attempts_do_not_count() -> None:
    """A suspended attempt does not count as an attempt."""
    mail = message_row()
    attempts = [attempt_row(mail, status="deferred", cause="connect", suspended=True)]
    found = message_status(submitted(), mail, attempts)
    assert (State.DEFERRED, 0, Cause.CONNECT) == (found.state, found.attempts, found.cause)


def test_relayed_after_a_deferral() -> None:
    """A relayed mail has no cause and no next attempt."""
    mail = message_row(closed=NOW + 9, recipients_finished=1)
    attempts = [
        attempt_row(mail, status="deferred", cause="timeout"),
        attempt_row(mail, number=2, reply="250 2.0.0 OK 1-gsmtp"),
    ]
    found = message_status(submitted(), mail, attempts)
    assert (State.RELAYED, 2, NOW + 9) == (found.state, found.attempts, found.finished)
    assert (None, None, None, None) == (found.cause, found.retry, found.retry_can_succeed, found.next_step)
    assert [(State.RELAYED, "250 2.0.0 OK 1-gsmtp")] == [(one.state, one.reply) for one in found.recipients]


UNANSWERED = "lost connection with r[192.0.2.1] while sending end of data -- message may be sent more than once"


def test_possible_duplicate() -> None:
    """A recipient may have the mail twice after an attempt without a reply to the whole mail, also after a success."""
    mail = message_row(recipient_count=2, closed=NOW + 90, recipients_finished=2)
    attempts = [
        attempt_row(mail, status="deferred", cause="connect", dsn="4.4.2", reply=UNANSWERED),
        attempt_row(mail, recipient="b***@example.com"),
        attempt_row(mail, number=2),
    ]
    found = message_status(submitted(SubmissionState.ACCEPTED, "a***@example.com", "b***@example.com"), mail, attempts)
    assert (State.RELAYED, True) == (found.state, found.possible_duplicate)
    assert {one.recipient: one.possible_duplicate for one in found.recipients} == {
        "a***@example.com": True,
        "b***@example.com": False,
    }


def test_possible_duplicate_with_whole_addresses() -> None:
    """The attempts have masked addresses, the submission may have whole ones."""
    mail = message_row()
    attempts = [attempt_row(mail, status="deferred", cause="connect", reply=UNANSWERED)]
    (found,) = message_status(submitted(SubmissionState.ACCEPTED, "anna@example.com"), mail, attempts).recipients
    assert ("anna@example.com", True) == (found.recipient, found.possible_duplicate)


def test_no_duplicate_of_a_suspended_attempt() -> None:
    """A skipped attempt repeats the text of another mail's failure; this mail was not sent."""
    mail = message_row()
    attempts = [attempt_row(mail, status="deferred", cause="connect", reply=UNANSWERED, suspended=True)]
    assert not message_status(submitted(), mail, attempts).possible_duplicate


NO_APP_PASSWORD = (
    "SASL authentication failed; server smtp.gmail.com[192.0.2.1] said: 534-5.7.9 "
    "Application-specific password required."
)


def test_next_step_of_a_rule() -> None:
    """The next step is that of the rule that fits the reply."""
    mail = message_row()
    found = message_status(
        submitted(), mail, [attempt_row(mail, status="deferred", cause="auth", dsn="4.7.9", reply=NO_APP_PASSWORD)]
    )
    assert str(found.next_step).startswith("Turn on 2-step verification")


def test_next_step_of_own_rules() -> None:
    """The operator's own rules come first; a rule with another cause than the stored one does not count."""
    mail = message_row()
    own = Rule("ours", Cause.AUTH, text=re.compile("application-specific"), next_step="Call them.")
    refused = attempt_row(mail, status="deferred", cause="auth", dsn="4.7.9", reply=NO_APP_PASSWORD)
    limited = attempt_row(mail, status="deferred", cause="rate", dsn="4.7.9", reply=NO_APP_PASSWORD)
    classifier = Classifier([own])
    assert message_status(submitted(), mail, [refused], classifier=classifier).next_step == "Call them."
    found = message_status(submitted(), mail, [limited], classifier=classifier)
    assert (Cause.RATE, EXPLANATIONS[Cause.RATE].next_step) == (found.cause, found.next_step)


def test_cause_of_a_newer_version() -> None:
    """A cause of a newer version is shown as other."""
    mail = message_row()
    assert message_status(submitted(), mail, [attempt_row(mail, status="deferred", cause="novel")]).cause is Cause.OTHER


@pytest.mark.parametrize(
    ("columns", "statuses", "state"),
    [
        pytest.param({}, [], State.QUEUED, id="not tried yet"),
        pytest.param({}, ["sent"], State.QUEUED, id="one of two sent"),
        pytest.param({}, ["sent", "deferred"], State.DEFERRED, id="one waits"),
        pytest.param({}, ["bounced", "deferred"], State.DEFERRED, id="one bounced, one waits"),
        pytest.param({"closed": NOW}, ["sent", "sent"], State.RELAYED, id="all sent"),
        pytest.param({"closed": NOW}, ["sent", "bounced"], State.BOUNCED, id="one bounced"),
        pytest.param({"expired": True}, ["sent", "deferred"], State.EXPIRED, id="expired"),
        pytest.param({"expired": True, "closed": NOW}, ["bounced", "deferred"], State.BOUNCED, id="bounced, expired"),
        pytest.param({"closed": NOW}, ["sent", "deferred"], State.DELETED, id="deleted while one was waiting"),
        pytest.param({"closed": NOW}, [], State.DELETED, id="deleted before it was tried"),
        pytest.param({}, ["sent", "softbounce"], State.DEFERRED, id="soft bounce"),
    ],
)
def test_worst_recipient_decides(columns: dict[str, Any], statuses: list[str], state: State) -> None:
    """Unfinished recipients decide the state of a mail, then the worst finished one."""
    mail = message_row(recipient_count=2, **columns)
    pairs = zip("ab", statuses, strict=False)
    attempts = [attempt_row(mail, recipient=f"{name}***@x.org", status=status) for name, status in pairs]
    found = message_status(submitted(SubmissionState.ACCEPTED, "a***@x.org", "b***@x.org"), mail, attempts)
    assert state is found.state
    assert ["a***@x.org", "b***@x.org"] == sorted(one.recipient for one in found.recipients)


def tries(*rounds: dict[str, str]) -> list[AttemptRow]:
    """Return attempts; each round tries these statuses by recipient, and `a1`, `a2` have the same mask."""
    mail = message_row()
    return [
        attempt_row(mail, number=number, recipient=f"{name[0]}***@x.org", status=status)
        for number, statuses in enumerate(rounds, 1)
        for name, status in statuses.items()
    ]


@pytest.mark.parametrize(
    ("attempts", "states"),
    [
        pytest.param(tries({"a1": "sent", "a2": "sent"}), ["relayed", "relayed"], id="both sent"),
        pytest.param(tries({"a1": "sent", "a2": "deferred"}), ["relayed", "deferred"], id="one waits"),
        pytest.param(
            tries({"a1": "deferred", "a2": "deferred"}, {"a1": "sent"}), ["relayed", "deferred"], id="in the second try"
        ),
        pytest.param(
            tries({"a1": "sent", "a2": "deferred"}, {"a2": "bounced"}), ["relayed", "bounced"], id="one at a time"
        ),
        pytest.param(tries({"a1": "sent"}), ["relayed", "queued"], id="one not tried yet"),
    ],
)
def test_recipients_with_the_same_mask(attempts: list[AttemptRow], states: list[str]) -> None:
    """Two recipients with the same masked address are counted as two."""
    mail = message_row(recipient_count=2)
    found = message_status(submitted(SubmissionState.ACCEPTED, "a***@x.org", "a***@x.org"), mail, attempts)
    assert states == [one.state for one in found.recipients]


def test_whole_addresses_stay_whole() -> None:
    """With LEDGER_ADDRESSES=full a recipient has its full address, also after an attempt."""
    mail = message_row(recipient_count=2)
    found = message_status(submitted(SubmissionState.ACCEPTED, "anna@x.org", "bob@x.org"), mail, tries({"a": "sent"}))
    assert ["anna@x.org", "bob@x.org"] == [one.recipient for one in found.recipients]


def test_ambiguous_masked_address() -> None:
    """Of two recipients with the same masked address, an attempted one keeps the masked form."""
    mail = message_row(recipient_count=2)
    found = message_status(submitted(SubmissionState.ACCEPTED, "anna@x.org", "alf@x.org"), mail, tries({"a": "sent"}))
    assert "a***@x.org" == found.recipients[0].recipient


def test_gap_in_the_log() -> None:
    """A gap in the log adds no recipient."""
    mail = message_row(recipient_count=1, closed=NOW)
    twice_in_one_round = [attempt_row(mail, status="deferred"), attempt_row(mail)]
    assert [State.RELAYED] == [one.state for one in message_status(submitted(), mail, twice_in_one_round).recipients]


BACKOFF = Backoff(minimal_backoff_time=300, maximal_backoff_time=3600, queue_run_delay=60, maximal_queue_lifetime=1e5)


@pytest.mark.parametrize(
    ("age", "wait"),
    [
        pytest.param(2, 300, id="at least the minimum"),
        pytest.param(1000, 1000, id="as long as it has waited"),
        pytest.param(9000, 3600, id="at most the maximum"),
    ],
)
def test_next_retry(age: float, wait: float) -> None:
    """A mail waits as long as its age, within the limits, and then for the next queue run."""
    assert BACKOFF.next_retry(50.0, 50 + age) == Retry(50 + age + wait, 50 + age + wait + 60)


def test_expiry() -> None:
    """A mail expires after maximal_queue_lifetime."""
    assert BACKOFF.gives_up_at(50.0) == 50 + 1e5
