"""Vocabulary of alerts: severity, component, advice, alert, group. `render` turns them into rules."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from dashboards.boards import Board
from mail_telemetry.causes import Cause


class Severity(StrEnum):
    """How soon a notification is sent; the routes match this label."""

    CRITICAL = "critical"
    """Mail does not leave, or it is unknown whether it does: at once."""
    WARNING = "warning"
    """Some mail is late or lost, or soon will be: collected for 30 seconds, repeated twice a day."""
    INFO = "info"
    """Not urgent: collected, once a day."""
    NONE = "none"
    """No problem: the dead man's switch."""


class Component(StrEnum):
    """The part that an alert is about; also the name of its rule file."""

    API = "api"
    SERVER = "server"
    QUEUE = "queue"
    RELAY = "relay"
    QUOTA = "quota"
    EXPORTER = "exporter"
    OBJECTIVE = "objective"


@dataclass(frozen=True, slots=True)
class Advice:
    """Likely cause and next step of an alert that is not about a cause of the relay."""

    cause: str
    next_step: str


class CauseFrom(StrEnum):
    """How the text of a firing alert finds its row in the table of causes."""

    LABEL = "label"
    """By the alert's label `cause`."""
    FAILURES = "failures"
    """By the most frequent cause of failures at the relay in the last hour."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule.

    Attributes:
        expr: PromQL in which every time span is a duration.
        summary: a Prometheus template; the title of notifications.
        description: a Prometheus template.
        reason: the reason for the threshold (docs/alerts.md).
        hold: `for` of the rule.
        silenced_by: alerts of which this one is a consequence; it is not sent while one of them fires.
        silenced_by_same: the same, if the labels `same` are equal.
    """

    name: str
    severity: Severity
    expr: str
    summary: str
    description: str
    advice: Advice | Cause | CauseFrom
    board: Board
    reason: str
    hold: str = "0s"
    silenced_by: tuple[str, ...] = ()
    silenced_by_same: tuple[str, ...] = ()
    same: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """The alerts of one component."""

    component: Component
    about: str
    alerts: tuple[Alert, ...] = field(default_factory=tuple)


SERVICE: Final = "mail"
"""The label `service` of every alert. Alertmanager routes alerts by it."""
