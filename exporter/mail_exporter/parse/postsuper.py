"""postsuper(1): what a person did to the queue."""

import re
from typing import Final

from mail_exporter.events import NOTED, Event, Removed
from mail_exporter.parse.grammar import QUEUE_ID

_LINE: Final = re.compile(rf"(?:({QUEUE_ID}): (removed)?|[A-Z][a-z -]+: \d+ message)")


def parse(text: str) -> Event | None:
    """Read `4jXSsP52xGzDhqX: removed`; `4jXS...: placed on hold` and `Placed on hold: 3 messages` change no mail."""
    found = _LINE.match(text)
    if found is None:
        return None
    return Removed(found[1]) if found[2] else NOTED
