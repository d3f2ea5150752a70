"""What an Alertmanager sends to its webhook: the alerts that fire and that end, as a person would get them."""

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
    """What one call of the webhook says."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    receiver: str
    alerts: list[Alert]


@dataclass(frozen=True, slots=True)
class Notified:
    """An alert that arrived: `time` is Unix time in seconds, `receiver` Alertmanager's name for us."""

    time: float
    receiver: str
    alert: Alert


class NotificationLog:
    """The last alerts that arrived, oldest first."""

    def __init__(self, *, keep: int = 10_000) -> None:
        self._notified: deque[Notified] = deque(maxlen=keep)

    def add(self, notification: Notification, *, time: float) -> None:
        """Its alerts are the newest."""
        self._notified.extend(Notified(time, notification.receiver, alert) for alert in notification.alerts)

    def all(self) -> list[Notified]:
        """Every alert kept, oldest first."""
        return list(self._notified)

    def clear(self) -> None:
        """No alert is kept."""
        self._notified.clear()
