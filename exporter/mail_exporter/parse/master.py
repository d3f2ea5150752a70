"""master(8) and postfix(1): start, reload, stop."""

from typing import Final

from mail_exporter.events import Event, Turn, Turned

_TURNS: Final = (
    ("daemon started -- ", Turned(Turn.STARTED)),
    ("reload -- ", Turned(Turn.RELOADED)),
    ("terminating on signal ", Turned(Turn.STOPPED)),
)


def parse(text: str) -> Event | None:
    """Read `daemon started -- version 3.10.13, configuration /etc/postfix` and `terminating on signal 15`."""
    return next((turned for words, turned in _TURNS if text.startswith(words)), None)
