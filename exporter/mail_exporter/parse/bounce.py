"""bounce(8): mail about mail that could not be delivered, or not yet."""

import re
from typing import Final

from mail_exporter.events import NOTED, Event, Notice, NoticeSent
from mail_exporter.parse.grammar import QUEUE_ID

_NOTICE: Final = re.compile(
    rf"({QUEUE_ID}): (sender non-delivery|sender delay|sender delivery status|postmaster non-delivery"
    rf"|postmaster delay) notification: ({QUEUE_ID})"
)
_KIND: Final = {
    "sender non-delivery": Notice.FAILURE,
    "sender delay": Notice.DELAY,
    "sender delivery status": Notice.SUCCESS,
    "postmaster non-delivery": Notice.POSTMASTER,
    "postmaster delay": Notice.POSTMASTER,
}


def parse(text: str) -> Event | None:
    """Read `4jXSsP52xGzDhqX: sender non-delivery notification: 4jXSsQ3lJyzC60P`."""
    if (found := _NOTICE.fullmatch(text)) is None:
        return NOTED if re.match(rf"{QUEUE_ID}: ", text) else None
    return NoticeSent(found[3], _KIND[found[2]], found[1])
