"""Postfix delivery agents, and the `relay` label of their attempts.

A log has many values of `relay=`. All but the configured relay share a few label values, so that there are few time
series.
"""

from typing import Final

RELAY_DAEMONS: Final = frozenset({"smtp", "lmtp"})
"""Agents that connect to another server."""

NOT_TRIED: Final = frozenset({"error", "retry"})
"""Agents that repeat an earlier failure without an attempt."""

DISCARD: Final = "discard"
"""The agent that deletes mail and logs `sent`."""

CLEANUP: Final = "cleanup"
"""The daemon that can bounce or defer a recipient before the mail is in the queue."""

OTHER: Final = "other"
LOCAL: Final = "local"
NONE: Final = "none"
_MAX_KNOWN: Final = 1024


class RelayLabels:
    """Maps agent and `relay=` to the label.

    Args:
        configured: the relay for all outgoing mail (SMTP_RELAY_HOST); None when mail goes to each domain's own server.
    """

    def __init__(self, configured: str | None) -> None:
        self._configured = configured.strip("[]").lower() if configured else None
        self.labels = tuple(dict.fromkeys((*((self._configured,) if self._configured else ()), OTHER, LOCAL, NONE)))
        self._known: dict[tuple[str, str], str] = {}

    def label(self, daemon: str, relay: str) -> str:
        """Return the label for `relay=smtp.gmail.com[1.2.3.4]:587` in a line of the daemon."""
        label = self._known.get((daemon, relay))
        if label is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            label = self._known[daemon, relay] = self._make_label(daemon, relay)
        return label

    def is_configured(self, relay: str) -> bool:
        """Return whether this is the configured relay."""
        return relay.partition("[")[0].lower() == self._configured

    def _make_label(self, daemon: str, relay: str) -> str:
        if daemon not in RELAY_DAEMONS:
            return NONE if daemon in NOT_TRIED else LOCAL
        if relay == NONE:
            return NONE
        return self._configured if self._configured is not None and self.is_configured(relay) else OTHER
