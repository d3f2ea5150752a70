"""Ids by which the API's mails are known."""

from mail_telemetry.message_ids import api_message_id, message_id_header, new_message_id


def test_header_leads_back_to_the_id() -> None:
    """The exporter reads the API's id out of the header that the API wrote."""
    message_id = new_message_id()
    assert message_id == api_message_id(message_id_header(message_id, "example.org"))


def test_foreign_message_id() -> None:
    """Anybody else's Message-ID is nobody's."""
    assert api_message_id("<20261122.127C519E06E@mail.example.org>") is None


def test_ids_differ() -> None:
    """No two mails share an id."""
    assert len({new_message_id() for _ in range(1000)}) == 1000
