"""Log each kind of unknown text once: log lines that are not understood, replies of unknown cause."""

import re
from typing import Final

from loguru import logger

from mail_telemetry.masking import mask_text

_VARIABLE: Final = re.compile(r"[0-9A-Za-z]*\d[0-9A-Za-z]*")
_LENGTH: Final = 300


class LogOnce:
    """Logs one text of each kind, masked. Texts that differ only in words with digits are of one kind.

    Args:
        limit: the number of kinds; texts of further kinds are not logged.
    """

    def __init__(self, limit: int = 200) -> None:
        self._limit = limit
        self._kinds: dict[str, str] = {}

    @property
    def texts(self) -> list[str]:
        """One text of each kind, masked."""
        return list(self._kinds.values())

    def warn(self, message: str, text: str, **fields: str) -> bool:
        """Log the message with the text unless this kind was logged before; return whether it was logged."""
        if len(self._kinds) >= self._limit:
            return False
        masked = mask_text(text[:_LENGTH])
        kind = message + _VARIABLE.sub("#", masked)
        if kind in self._kinds:
            return False
        self._kinds[kind] = masked
        logger.warning(message, text=masked, **fields)
        return True
