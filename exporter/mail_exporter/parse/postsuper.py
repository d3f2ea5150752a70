"""postsuper(1): mails that an operator removed, held or released."""

import re
from typing import Final

from mail_exporter.events import NO_EVENT, LogEvent, MailRemoved
from mail_exporter.parse.grammar import QUEUE_ID

_LINE: Final = re.compile(rf"(?:({QUEUE_ID}): (removed)?|[A-Z][a-z -]+: \d+ message)")


def parse(text: str) -> LogEvent | None:
    """Parse `4jXSsP52xGzDhqX: removed`; `4jXS...: placed on hold` and `Placed on hold: 3 messages` change no mail."""
    found = _LINE.match(text)
    if found is None:
        return None
    return MailRemoved(found[1]) if found[2] else NO_EVENT
