"""Alertmanager configuration from ALERT_ variables: validation, receivers, secrets in files."""

from typing import Any

import pytest
import yaml

from alerts.routes.receivers import receivers
from alerts.routes.render import whole
from alerts.routes.settings import RouteSettings, check
from mail_telemetry.configuration import SettingsInvalid


def settings(**given: Any) -> RouteSettings:  # noqa: ANN401 - any variable
    """Return settings with these variables only; the environment is not read."""
    return RouteSettings.model_construct(**given)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param({}, "ALERT_WEBHOOK_URL", id="nothing"),
        pytest.param({"alert_email_to": "a@b.example"}, "ALERT_EMAIL_TO alone", id="e-mail alone"),
        pytest.param({"alert_deadman_url": "https://x.example"}, "ALERT_NTFY_URL", id="a dead man's switch alone"),
        pytest.param({"alert_telegram_chat_id": 1}, "ALERT_TELEGRAM_BOT_TOKEN_FILE", id="chat without a bot"),
        pytest.param({"alert_telegram_bot_token_file": "/t"}, "ALERT_TELEGRAM_CHAT_ID", id="bot without a chat"),
        pytest.param(
            {"alert_webhook_url": "https://x.example", "alert_webhook_url_file": "/u"},
            "ALERT_WEBHOOK_URL_FILE",
            id="URL and URL file",
        ),
        pytest.param(
            {"alert_ntfy_url": "https://x.example/t", "alert_ntfy_url_file": "/n"},
            "ALERT_NTFY_URL_FILE",
            id="ntfy URL and URL file",
        ),
    ],
)
def test_refused(given: dict[str, Any], named: str) -> None:
    """Settings without a complete receiver besides e-mail are rejected, and the error names the variable."""
    with pytest.raises(SettingsInvalid) as refused:
        check(settings(**given))
    assert named in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"alert_webhook_url": "https://x.example"}, id="webhook"),
        pytest.param({"alert_webhook_url_file": "/u"}, id="webhook by file"),
        pytest.param({"alert_ntfy_url": "https://ntfy.example/t"}, id="ntfy"),
        pytest.param({"alert_ntfy_url_file": "/n"}, id="ntfy by file"),
        pytest.param({"alert_telegram_chat_id": -1, "alert_telegram_bot_token_file": "/t"}, id="Telegram"),
        pytest.param({"alert_discord_webhook_url_file": "/d"}, id="Discord"),
        pytest.param({"alert_slack_webhook_url_file": "/s", "alert_email_to": "a@b.example"}, id="Slack and e-mail"),
    ],
)
def test_accepted(given: dict[str, Any]) -> None:
    """One receiver besides e-mail is enough."""
    check(settings(**given))


def test_all_receivers_are_notified() -> None:
    """All receivers are in one configuration, so that a failing one does not stop the others."""
    mail, watchdog = receivers(
        settings(
            alert_webhook_url_file="/u",
            alert_ntfy_url="https://ntfy.example/t",
            alert_ntfy_token_file="/n",
            alert_email_to="a@b.example",
        )
    )
    assert mail["webhook_configs"] == [{"url_file": "/u"}]
    assert [one["webhook_url"] for one in mail["discord_configs"]] == ["https://ntfy.example/t"]
    assert [one["to"] for one in mail["email_configs"]] == ["a@b.example"]
    assert watchdog == {"name": "mail-watchdog"}


def test_ntfy_by_file() -> None:
    """With a URL file, the topic is not in the configuration."""
    mail, _ = receivers(settings(alert_ntfy_url_file="/n", alert_ntfy_token_file="/t"))
    (ntfy,) = mail["discord_configs"]
    assert ntfy["webhook_url_file"] == "/n"
    assert ntfy["http_config"]["authorization"] == {"credentials_file": "/t"}


def test_discord_and_ntfy() -> None:
    """Discord and ntfy get the same JSON; only ntfy gets the template headers."""
    mail, _ = receivers(settings(alert_ntfy_url="https://ntfy.example/t", alert_discord_webhook_url_file="/d"))
    discord, ntfy = mail["discord_configs"]
    assert (discord["webhook_url_file"], "http_config" in discord) == ("/d", False)
    assert set(ntfy["http_config"]["http_headers"]) == {"X-Template", "X-Title", "X-Message"}
    assert (ntfy["title"], ntfy["message"]) == (discord["title"], discord["message"])


def test_group_wait_by_severity() -> None:
    """Critical alerts have no group wait; others are grouped first."""
    route = yaml.safe_load(whole(settings(alert_webhook_url="https://x.example")))["route"]["routes"][0]
    waits = {str(one.get("matchers")): one["group_wait"] for one in (route, *route["routes"])}
    assert waits == {
        "['service=\"mail\"']": "30s",
        "['alertname=\"MailWatchdog\"']": "0s",
        "['severity=\"critical\"']": "0s",
        "['severity=\"info\"']": "10m",
    }
