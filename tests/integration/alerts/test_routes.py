"""Routes of the generated Alertmanager configuration, checked by amtool."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from alerts.routes.render import snippet, whole
from alerts.routes.settings import RouteSettings
from tests.integration.alerts.tools import amtool

ALL_RECEIVERS: Final = RouteSettings.model_construct(
    alert_webhook_url="https://hook.example/a",
    alert_ntfy_url="https://ntfy.example/topic",
    alert_ntfy_token_file="/run/secrets/ntfy",
    alert_telegram_chat_id=-100,
    alert_telegram_bot_token_file="/run/secrets/telegram",
    alert_discord_webhook_url_file="/run/secrets/discord",
    alert_slack_webhook_url_file="/run/secrets/slack",
    alert_email_to="admin@dinky.local",
    alert_deadman_url_file="/run/secrets/deadman",
)
FILES_ONLY: Final = RouteSettings.model_construct(
    alert_webhook_url_file="/run/secrets/hook", alert_ntfy_url_file="/run/secrets/ntfy-url"
)
ONE_RECEIVER: Final = RouteSettings.model_construct(alert_webhook_url_file="/run/secrets/hook")
EXISTING: Final[dict[str, Any]] = {
    "route": {
        "receiver": "everybody",
        "group_by": ["alertname"],
        "routes": [{"matchers": ['severity="critical"'], "receiver": "on-call"}],
    },
    "receivers": [{"name": "everybody"}, {"name": "on-call"}],
    "inhibit_rules": [],
}
"""An alertmanager.yml with other services."""

CASES: Final = [
    pytest.param("service=mail severity=critical alertname=MailServerDown", "mail", id="critical"),
    pytest.param("service=mail severity=warning alertname=MailQueueGrowing component=queue", "mail", id="warning"),
    pytest.param("service=mail severity=info alertname=MailTelemetryDropped", "mail", id="info"),
    pytest.param("service=mail severity=none alertname=MailWatchdog", "mail-watchdog", id="dead man's switch"),
]


def merged() -> str:
    """Return EXISTING with the snippet at the places that its comments name."""
    ours, theirs = yaml.safe_load(snippet(ALL_RECEIVERS)), EXISTING
    route = theirs["route"] | {"routes": ours["routes"] + theirs["route"]["routes"]}
    return yaml.safe_dump(
        {
            "route": route,
            "receivers": theirs["receivers"] + ours["receivers"],
            "inhibit_rules": theirs["inhibit_rules"] + ours["inhibit_rules"],
        }
    )


def check_route(folder: Path, labels: str, receiver: str) -> None:
    """Check with amtool that the labels are routed to this receiver only."""
    arguments = ("config", "routes", "test", "--config.file=alertmanager.yml", f"--verify.receivers={receiver}")
    amtool(folder, *arguments, *labels.split())


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(ALL_RECEIVERS, id="all receivers"),
        pytest.param(FILES_ONLY, id="URLs in files"),
        pytest.param(ONE_RECEIVER, id="one receiver, no dead man's switch"),
    ],
)
def test_configuration_is_valid(tmp_path: Path, settings: RouteSettings) -> None:
    """`amtool check-config` accepts the configuration, with the usual times and those of the drill."""
    for name, speed in (("as-it-is.yml", 1), ("drill.yml", 60)):
        (tmp_path / name).write_text(whole(settings, speed))
        amtool(tmp_path, "check-config", name)


@pytest.mark.parametrize(("labels", "receiver"), CASES)
def test_whole_configuration(tmp_path: Path, labels: str, receiver: str) -> None:
    """Alerts about mail are sent out of band, and the dead man's switch to its own receiver."""
    (tmp_path / "alertmanager.yml").write_text(whole(ALL_RECEIVERS))
    check_route(tmp_path, labels, receiver)


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        *CASES,
        pytest.param("service=website severity=critical alertname=SiteDown", "on-call", id="critical, other service"),
        pytest.param("service=website severity=warning alertname=SiteSlow", "everybody", id="warning, other service"),
    ],
)
def test_snippet_in_an_existing_configuration(tmp_path: Path, labels: str, receiver: str) -> None:
    """In front of other routes, the snippet routes the alerts about mail, and all others as before."""
    (tmp_path / "alertmanager.yml").write_text(merged())
    amtool(tmp_path, "check-config", "alertmanager.yml")
    check_route(tmp_path, labels, receiver)
