"""master(8) and postfix(1): start, reload, stop."""

from mail_exporter.events import NOTED, Event, Turn, Turned




def parse(text: str) -> Event | None:
    """Read `daemon started -- version 3.10.13, configuration /etc/postfix` and `terminating on signal 15`."""
    if text.startswith("daemon started -- "):
        return Turned(Turn.STARTED)
    if text.startswith("reload -- "):
        return Turned(Turn.RELOADED)
    if text.startswith("terminating on signal "):
        return Turned(Turn.STOPPED)
    return NOTED
