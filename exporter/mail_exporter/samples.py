"""Texts that nobody has a name for yet: each kind is logged once."""

import re
from typing import Final

from loguru import logger

from mail_telemetry.masking import mask_text

_VARIABLE: Final = re.compile(r"[0-9A-Za-z]*\d[0-9A-Za-z]*")
_LENGTH: Final = 300


class Samples:
    """Logs a text of each kind once: masked, kinds being what is left without what changes from mail to mail.

    Args:
        limit: so many kinds; what is new after that is not told.
    """

    def __init__(self, limit: int = 200) -> None:
        self._limit = limit
        self._kinds: dict[str, str] = {}

    @property
    def texts(self) -> list[str]:
        """One text of each kind, masked."""
        return list(self._kinds.values())

    def once(self, message: str, text: str, **fields: str) -> bool:
        """Log the message with the text, unless one of its kind was logged before; tell whether it was logged."""
        if len(self._kinds) >= self._limit:
            return False
        masked = mask_text(text[:_LENGTH])
        kind = message + _VARIABLE.sub("#", masked)
        if kind in self._kinds:
            return False
        self._kinds[kind] = masked
        logger.warning(message, text=masked, **fields)
        return True
