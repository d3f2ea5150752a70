"""Status queries: one mail, pages and filters."""

import pytest

from mail_ledger.api_ledger import ApiLedger
from mail_ledger.status import State
from mail_ledger.status_queries import CursorInvalid, MailFilter
from mail_ledger.submissions import SubmissionAccepted, SubmissionFailed
from tests.unit.ledger.fakes import NOW, Clock, MailServer, submission


def send(ledger: ApiLedger, clock: Clock, *numbers: int, key: str | None = None) -> None:
    """Store accepted submissions, one per second."""
    for number in numbers:
        ledger.submissions.begin(submission(number, key=key))
        ledger.submissions.finish(f"msg_{number}", SubmissionAccepted("4jX"))
        clock.advance(1)


def listed(ledger: ApiLedger, wanted: MailFilter = MailFilter()) -> list[str]:  # noqa: B008 - immutable
    """Return the ids of all mails that match the filter, read in pages of two."""
    page = ledger.statuses.page(wanted, limit=2)
    found = list(page.messages)
    while page.cursor:
        page = ledger.statuses.page(wanted, cursor=page.cursor, limit=2)
        found += page.messages
    return [message.id for message in found]


def test_state_from_request_to_reply(ledger: ApiLedger, mail_server: MailServer) -> None:
    """The state of a mail changes from the request to the relay's reply."""
    states = []

    def look() -> None:
        found = ledger.statuses.get("msg_1")
        states.append(found and found.state)

    look()
    ledger.submissions.begin(submission(1))
    look()
    ledger.submissions.finish("msg_1", SubmissionAccepted("4jX"))
    look()
    mail = mail_server.take(api_id="msg_1")
    look()
    mail_server.attempt(mail, status="deferred", cause="greylist")
    look()
    mail_server.attempt(mail, number=2)
    mail_server.change(mail, closed=NOW, recipients_finished=1)
    look()
    assert [None, State.PENDING, State.ACCEPTED, State.QUEUED, State.DEFERRED, State.RELAYED] == states


def test_mail_without_a_submission(ledger: ApiLedger, mail_server: MailServer) -> None:
    """A mail without a submission is found in the log."""
    mail_server.relay(api_id="msg_1")
    found = ledger.statuses.get("msg_1")
    assert found is not None
    assert (State.RELAYED, None) == (found.state, found.submission)


def test_several_mails_with_one_id(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """Of several mails with one id, the first accepted one is used."""
    send(ledger, clock, 1)
    mail_server.take(api_id="msg_1", arrived=NOW, activations=0)
    taken = mail_server.take(api_id="msg_1", arrived=NOW + 1)
    mail_server.take(api_id="msg_1", arrived=NOW + 2, entry="local")
    found = ledger.statuses.get("msg_1")
    assert found is not None
    assert taken.queue_id == found.queue_id


def test_pages(ledger: ApiLedger, clock: Clock) -> None:
    """All mails are listed once, newest first, over several pages."""
    send(ledger, clock, 1, 2, 3, 4, 5)
    assert ["msg_5", "msg_4", "msg_3", "msg_2", "msg_1"] == listed(ledger)


def test_pages_within_one_moment(ledger: ApiLedger) -> None:
    """Mails of the same time are sorted by their ids."""
    for number in range(5):
        ledger.submissions.begin(submission(number))
    assert sorted((f"msg_{number}" for number in range(5)), reverse=True) == listed(ledger)


def test_new_mail_does_not_move_the_pages(ledger: ApiLedger, clock: Clock) -> None:
    """A mail that is sent between two pages does not change the second page."""
    send(ledger, clock, 1, 2, 3)
    first = ledger.statuses.page(limit=2)
    send(ledger, clock, 4)
    second = ledger.statuses.page(cursor=first.cursor, limit=2)
    assert ["msg_1"] == [message.id for message in second.messages]
    assert second.cursor is None


def test_filters(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """Mails are filtered by state, time and key, and by a combination."""
    send(ledger, clock, 1, 2, key="web")
    send(ledger, clock, 3)
    mail_server.relay(api_id="msg_2")
    ledger.submissions.begin(submission(4, key="web"))
    ledger.submissions.finish("msg_4", SubmissionFailed("refused"))
    assert ["msg_2"] == listed(ledger, MailFilter(state=State.RELAYED))
    assert ["msg_4"] == listed(ledger, MailFilter(state=State.FAILED))
    assert ["msg_4", "msg_3", "msg_2"] == listed(ledger, MailFilter(since=NOW + 1))
    assert ["msg_4", "msg_2", "msg_1"] == listed(ledger, MailFilter(key="web"))
    assert ["msg_2"] == listed(ledger, MailFilter(State.RELAYED, NOW + 1, "web"))
    assert [] == listed(ledger, MailFilter(key="unknown"))


@pytest.mark.slow
def test_rare_state(ledger: ApiLedger, clock: Clock) -> None:
    """One call reads a limited number of rows; its cursor continues after them."""
    for number in range(1001):
        ledger.submissions.begin(submission(number))
        clock.advance(0.1)
    ledger.submissions.finish("msg_0", SubmissionAccepted("4jX"))
    page = ledger.statuses.page(MailFilter(state=State.ACCEPTED))
    assert page.messages == ()
    rest = ledger.statuses.page(MailFilter(state=State.ACCEPTED), cursor=page.cursor)
    assert ["msg_0"] == [message.id for message in rest.messages]
    assert rest.cursor is None


@pytest.mark.parametrize("cursor", ["x", "%%%", "AAAA", "bm8gbnVtYmVy", "\u00e9"])
def test_invalid_cursor(ledger: ApiLedger, cursor: str) -> None:
    """A malformed cursor raises an error."""
    with pytest.raises(CursorInvalid):
        ledger.statuses.page(cursor=cursor)
