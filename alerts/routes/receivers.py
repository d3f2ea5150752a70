"""Variables to Alertmanager's receivers."""

from typing import Any, Final

from alerts.routes.settings import RouteSettings

Config = dict[str, Any]

MAIL: Final = "mail"
"""The receiver of every alert about mail."""
WATCHDOG: Final = "mail-watchdog"
"""The receiver of the dead man's switch; without ALERT_DEADMAN_URL it does nothing."""

_TITLE: Final = (
    '{{ if eq .Status "resolved" }}Over{{ else }}{{ .CommonLabels.severity | toUpper }}{{ end }}: '
    "{{ len .Alerts }} about mail"
)
_TEXT: Final = (
    '{{ range .Alerts }}{{ if eq .Status "resolved" }}Over: {{ else }}{{ .Labels.severity | toUpper }}: {{ end }}'
    "{{ .Annotations.summary }}\n{{ .Annotations.description }}\n"
    "Runbook: {{ .Annotations.runbook_url }}\nDashboard: {{ .Annotations.dashboard_url }}\n\n{{ end }}"
)


def receivers(settings: RouteSettings) -> list[Config]:
    """Return both receivers; several ways in one receiver are all taken, whether another works or not."""
    return [_mail(settings), _watchdog(settings)]


def _mail(settings: RouteSettings) -> Config:
    config: Config = {"name": MAIL}
    if webhooks := [*_webhook(settings), *_ntfy(settings)]:
        config["webhook_configs"] = webhooks
    if settings.alert_telegram_chat_id is not None:
        config["telegram_configs"] = [
            {
                "bot_token_file": settings.alert_telegram_bot_token_file,
                "chat_id": settings.alert_telegram_chat_id,
                "message": _TEXT,
                "parse_mode": "",  # HTML, the default, would stumble over what the texts quote
            }
        ]
    if file := settings.alert_discord_webhook_url_file:
        config["discord_configs"] = [{"webhook_url_file": file, "title": _TITLE, "message": _TEXT}]
    if file := settings.alert_slack_webhook_url_file:
        config["slack_configs"] = [{"api_url_file": file, "send_resolved": True, "title": _TITLE, "text": _TEXT}]
    if settings.alert_email_to:
        config["email_configs"] = [_email(settings, settings.alert_email_to)]
    return config


def _webhook(settings: RouteSettings) -> list[Config]:
    return [_url(settings.alert_webhook_url, settings.alert_webhook_url_file)] if _given(settings) else []


def _given(settings: RouteSettings) -> bool:
    return bool(settings.alert_webhook_url or settings.alert_webhook_url_file)


def _url(url: str | None, file: str | None) -> Config:
    return {"url": url} if url else {"url_file": file}


def _ntfy(settings: RouteSettings) -> list[Config]:
    url, url_file = settings.alert_ntfy_url, settings.alert_ntfy_url_file
    if not (url or url_file):
        return []
    # ntfy makes a readable message of Alertmanager's JSON by this template of its own.
    config = _url(f"{url}?template=alertmanager" if url else None, url_file)
    if file := settings.alert_ntfy_token_file:
        config["http_config"] = {"authorization": {"credentials_file": file}}
    return [config]


def _email(settings: RouteSettings, to: str) -> Config:
    return {
        "to": to,
        "from": settings.alert_email_from,
        "smarthost": settings.alert_email_smarthost,
        "require_tls": False,  # on the containers' own network
        "send_resolved": True,
        "headers": {"Subject": _TITLE},
        "text": _TEXT,
        "html": "",
    }


def _watchdog(settings: RouteSettings) -> Config:
    url, file = settings.alert_deadman_url, settings.alert_deadman_url_file
    if not (url or file):
        return {"name": WATCHDOG}
    return {"name": WATCHDOG, "webhook_configs": [{**_url(url, file), "send_resolved": False}]}
