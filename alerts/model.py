"""The vocabulary of alerts: what one is, before it becomes a rule."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from dashboards.boards import Board
from mail_telemetry.causes import Cause


class Severity(StrEnum):
    """How soon a person has to know; the routes go by it."""

    CRITICAL = "critical"
    """Mail does not leave, or nobody can tell whether it does: at once."""
    WARNING = "warning"
    """Some mail is late or lost, or soon will be: collected for half a minute, repeated twice a day."""
    INFO = "info"
    """Worth knowing when one has time: collected, once a day."""
    NONE = "none"
    """No problem: the dead man's switch."""


class Component(StrEnum):
    """What an alert is about; also its rule file's name."""

    API = "api"
    SERVER = "server"
    QUEUE = "queue"
    RELAY = "relay"
    QUOTA = "quota"
    EXPORTER = "exporter"
    OBJECTIVE = "objective"


@dataclass(frozen=True, slots=True)
class Advice:
    """The likely cause and the next step, where the relay's cause table does not have them."""

    cause: str
    next_step: str


class CauseFrom(StrEnum):
    """Where an alert's text finds its row of the cause table when it fires."""

    LABEL = "label"
    """In the alert's label `cause`."""
    FAILURES = "failures"
    """It is the cause of most failures at the relay in the last hour."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule.

    `expr` is PromQL in which every time span is a duration; `summary` and `description` are Prometheus templates.
    `reason` says why the threshold is what it is, for people (docs/alerts.md). While one of `silenced_by` fires, this
    alert is a mere consequence and not sent; for those of `silenced_by_same` the labels `same` have to agree.
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
"""The label `service` of every alert, by which Alertmanager routes them."""
