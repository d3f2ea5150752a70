"""Alerts that an Alertmanager sent to the webhook POST /notifications."""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Alert(BaseModel):
    """One alert of a notification (Alertmanager's webhook format, version 4)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}


class Notification(BaseModel):
    """The body of one webhook request."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    receiver: str
    alerts: list[Alert]


@dataclass(frozen=True, slots=True)
class ReceivedAlert:
    """A received alert: `time` is Unix time in seconds, `receiver` the receiver's name in Alertmanager."""

    time: float
    receiver: str
    alert: Alert


class NotificationLog:
    """The last received alerts, oldest first."""

    def __init__(self, *, keep: int = 10_000) -> None:
        self._notified: deque[ReceivedAlert] = deque(maxlen=keep)

    def add(self, notification: Notification, *, time: float) -> None:
        """Add the alerts of a request."""
        self._notified.extend(ReceivedAlert(time, notification.receiver, alert) for alert in notification.alerts)

    def all(self) -> list[ReceivedAlert]:
        """Return every alert kept, oldest first."""
        return list(self._notified)

    def clear(self) -> None:
        """Remove all alerts."""
        self._notified.clear()
