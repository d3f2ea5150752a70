"""Message ids of the API and their header."""

from mail_telemetry.message_ids import api_message_id, message_id_header, new_message_id


def test_header_leads_back_to_the_id() -> None:
    """The id is read from the header that was made from it."""
    message_id = new_message_id()
    assert message_id == api_message_id(message_id_header(message_id, "example.org"))


def test_foreign_message_id() -> None:
    """A Message-ID of another program has no id of the API."""
    assert api_message_id("<20261122.127C519E06E@mail.example.org>") is None


def test_ids_differ() -> None:
    """Ids are unique."""
    assert len({new_message_id() for _ in range(1000)}) == 1000
