"""master(8) and postfix(1): start, reload, stop."""

from typing import Final

from mail_exporter.events import LogEvent, ServerState, ServerStateChanged

_TURNS: Final = (
    ("daemon started -- ", ServerStateChanged(ServerState.STARTED)),
    ("reload -- ", ServerStateChanged(ServerState.RELOADED)),
    ("terminating on signal ", ServerStateChanged(ServerState.STOPPED)),
    ("master exit time has arrived", ServerStateChanged(ServerState.STOPPED)),
)


def parse(text: str) -> LogEvent | None:
    """Parse `daemon started -- version 3.10.13, configuration /etc/postfix` and `terminating on signal 15`."""
    return next((turned for words, turned in _TURNS if text.startswith(words)), None)
