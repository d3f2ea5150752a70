"""bounce(8), which also runs as defer and trace: bounces and delay notices."""

import re
from typing import Final

from mail_exporter.events import NO_EVENT, LogEvent, NoticeKind, NoticeSent
from mail_exporter.parse.grammar import QUEUE_ID

_NOTICE: Final = re.compile(
    rf"({QUEUE_ID}): (sender non-delivery|sender delay|sender delivery status|postmaster non-delivery"
    rf"|postmaster delay) notification: ({QUEUE_ID})"
)
_KIND: Final = {
    "sender non-delivery": NoticeKind.FAILURE,
    "sender delay": NoticeKind.DELAY,
    "sender delivery status": NoticeKind.SUCCESS,
    "postmaster non-delivery": NoticeKind.POSTMASTER,
    "postmaster delay": NoticeKind.POSTMASTER,
}


def parse(text: str) -> LogEvent | None:
    """Parse `4jXSsP52xGzDhqX: sender non-delivery notification: 4jXSsQ3lJyzC60P`."""
    if (found := _NOTICE.fullmatch(text)) is None:
        return NO_EVENT if re.match(rf"{QUEUE_ID}: ", text) else None
    return NoticeSent(found[3], _KIND[found[2]], found[1])
