"""Variables to routes: refusals that name the variable, and secrets that stay in files."""

from typing import Any

import pytest
import yaml

from alerts.routes.receivers import receivers
from alerts.routes.render import whole
from alerts.routes.settings import RouteSettings, check
from mail_telemetry.configuration import SettingsInvalid


def settings(**given: Any) -> RouteSettings:  # noqa: ANN401 - any variable
    """Return settings of these variables, whatever the environment says."""
    return RouteSettings.model_construct(**given)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param({}, "ALERT_WEBHOOK_URL", id="nothing"),
        pytest.param({"alert_email_to": "a@b.example"}, "ALERT_EMAIL_TO alone", id="e-mail alone"),
        pytest.param({"alert_deadman_url": "https://x.example"}, "ALERT_NTFY_URL", id="a dead man's switch alone"),
        pytest.param({"alert_telegram_chat_id": 1}, "ALERT_TELEGRAM_BOT_TOKEN_FILE", id="a chat without a bot"),
        pytest.param({"alert_telegram_bot_token_file": "/t"}, "ALERT_TELEGRAM_CHAT_ID", id="a bot without a chat"),
        pytest.param(
            {"alert_webhook_url": "https://x.example", "alert_webhook_url_file": "/u"},
            "ALERT_WEBHOOK_URL_FILE",
            id="a URL twice",
        ),
        pytest.param(
            {"alert_ntfy_url": "https://x.example/t", "alert_ntfy_url_file": "/n"},
            "ALERT_NTFY_URL_FILE",
            id="ntfy twice",
        ),
    ],
)
def test_refused(given: dict[str, Any], named: str) -> None:
    """Without a way to a person that works when mail does not, nothing is written, and the variable is named."""
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
    """One way out of band is enough."""
    check(settings(**given))


def test_each_way_is_a_configuration_of_one_receiver() -> None:
    """All ways are taken: one that fails does not keep another from being tried."""
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
    """The topic stays out of the configuration; the file holds the whole URL."""
    mail, _ = receivers(settings(alert_ntfy_url_file="/n", alert_ntfy_token_file="/t"))
    (ntfy,) = mail["discord_configs"]
    assert ntfy["webhook_url_file"] == "/n"
    assert ntfy["http_config"]["authorization"] == {"credentials_file": "/t"}


def test_discord_and_ntfy() -> None:
    """Both get Discord's JSON; only ntfy gets the headers that say where title and message are."""
    mail, _ = receivers(settings(alert_ntfy_url="https://ntfy.example/t", alert_discord_webhook_url_file="/d"))
    discord, ntfy = mail["discord_configs"]
    assert (discord["webhook_url_file"], "http_config" in discord) == ("/d", False)
    assert set(ntfy["http_config"]["http_headers"]) == {"X-Template", "X-Title", "X-Message"}
    assert (ntfy["title"], ntfy["message"]) == (discord["title"], discord["message"])


def test_criticals_are_told_at_once() -> None:
    """They wait for nobody and are grouped by what is wrong; the rest is collected."""
    route = yaml.safe_load(whole(settings(alert_webhook_url="https://x.example")))["route"]["routes"][0]
    waits = {str(one.get("matchers")): one["group_wait"] for one in (route, *route["routes"])}
    assert waits == {
        "['service=\"mail\"']": "30s",
        "['alertname=\"MailWatchdog\"']": "0s",
        "['severity=\"critical\"']": "0s",
        "['severity=\"info\"']": "10m",
    }
