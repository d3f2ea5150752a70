"""The end of a request to send that went well."""

from typing import NamedTuple


class Sent(NamedTuple):
    """The mail that the mail server has; `replayed` when an earlier request brought it there."""

    message_id: str
    replayed: bool = False
