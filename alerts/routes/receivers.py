"""Alertmanager's receivers, from the variables ALERT_*."""

from typing import Any, Final

from alerts.routes.notification import DASHBOARD, HTML, MESSAGE, TEXT, TITLE
from alerts.routes.settings import RouteSettings

Config = dict[str, Any]

MAIL: Final = "mail"
"""The receiver of every alert about mail."""
WATCHDOG: Final = "mail-watchdog"
"""The receiver of the dead man's switch; without ALERT_DEADMAN_URL it does nothing."""

_NTFY_HEADERS: Final = {
    "X-Template": "yes",
    "X-Title": "{{ (index .embeds 0).title }}",
    "X-Message": "{{ (index .embeds 0).description }}",
}
"""ntfy's own templates, which take title and message from the JSON of a Discord message."""


def receivers(settings: RouteSettings) -> list[Config]:
    """Return both receivers. Alertmanager sends to all integrations of a receiver, also when one of them fails."""
    return [_mail(settings), _watchdog(settings)]


def _mail(settings: RouteSettings) -> Config:
    config: Config = {"name": MAIL}
    if webhooks := _webhook(settings):
        config["webhook_configs"] = webhooks
    if settings.alert_telegram_chat_id is not None:
        config["telegram_configs"] = [
            {
                "bot_token_file": settings.alert_telegram_bot_token_file,
                "chat_id": settings.alert_telegram_chat_id,
                "message": MESSAGE,
                "parse_mode": "",  # HTML, the default, would stumble over what the texts quote
            }
        ]
    if discords := [*_discord(settings), *_ntfy(settings)]:
        config["discord_configs"] = discords
    if file := settings.alert_slack_webhook_url_file:
        config["slack_configs"] = [_slack(file)]
    if settings.alert_email_to:
        config["email_configs"] = [_email(settings, settings.alert_email_to)]
    return config


def _webhook(settings: RouteSettings) -> list[Config]:
    return [_url(settings.alert_webhook_url, settings.alert_webhook_url_file)] if _given(settings) else []


def _given(settings: RouteSettings) -> bool:
    return bool(settings.alert_webhook_url or settings.alert_webhook_url_file)


def _url(url: str | None, file: str | None) -> Config:
    return {"url": url} if url else {"url_file": file}


def _discord(settings: RouteSettings) -> list[Config]:
    file = settings.alert_discord_webhook_url_file
    return [{"webhook_url_file": file, "title": TITLE, "message": TEXT}] if file else []


def _ntfy(settings: RouteSettings) -> list[Config]:
    """Return ntfy's configuration: Discord's JSON, since Alertmanager fills in no templates in that of a webhook.

    Source: https://docs.ntfy.sh/publish/#message-templating. A header counts more than the same parameter of the URL.
    """
    url, url_file = settings.alert_ntfy_url, settings.alert_ntfy_url_file
    if not (url or url_file):
        return []
    http: Config = {"http_headers": {name: {"values": [value]} for name, value in _NTFY_HEADERS.items()}}
    if file := settings.alert_ntfy_token_file:
        http["authorization"] = {"credentials_file": file}
    where = {"webhook_url": url} if url else {"webhook_url_file": url_file}
    return [{**where, "http_config": http, "title": TITLE, "message": TEXT}]


def _slack(file: str) -> Config:
    return {
        "api_url_file": file,
        "send_resolved": True,
        "title": TITLE,
        "title_link": DASHBOARD,
        "fallback": TITLE,  # what a phone shows
        "text": TEXT,
    }


def _email(settings: RouteSettings, to: str) -> Config:
    return {
        "to": to,
        "from": settings.alert_email_from,
        "smarthost": settings.alert_email_smarthost,
        "require_tls": False,  # on the containers' own network
        "send_resolved": True,
        "headers": {"Subject": TITLE},
        "text": TEXT,
        "html": HTML,
    }


def _watchdog(settings: RouteSettings) -> Config:
    url, file = settings.alert_deadman_url, settings.alert_deadman_url_file
    if not (url or file):
        return {"name": WATCHDOG}
    return {"name": WATCHDOG, "webhook_configs": [{**_url(url, file), "send_resolved": False}]}
