"""Settings of notifications (ALERT_*). A `_FILE` is a path in Alertmanager's container, for secrets."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from mail_telemetry.configuration import SettingsInvalid


class RouteSettings(BaseSettings):
    """The variables of `make alert-routes`; each field is the variable of the same name in upper case."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, env_file=".env.mail.prod", env_file_encoding="utf-8"
    )

    alert_webhook_url: str | None = Field(
        None,
        description="URL to which alerts about mail are sent, as Alertmanager's JSON.",
        examples=["https://example.com/hook"],
        pattern="^https?://",
    )
    alert_webhook_url_file: str | None = Field(
        None, description="The file that holds that URL.", examples=["/run/secrets/alert_webhook_url"]
    )
    alert_ntfy_url: str | None = Field(
        None,
        description="URL of a topic of ntfy 2.13 or newer; on a public server choose a name that cannot be guessed.",
        examples=["https://ntfy.sh/my-topic"],
        pattern="^https?://",
    )
    alert_ntfy_url_file: str | None = Field(
        None,
        description="The file that holds that URL.",
        examples=["/run/secrets/alert_ntfy_url"],
    )
    alert_ntfy_token_file: str | None = Field(
        None, description="The file that holds its access token.", examples=["/run/secrets/alert_ntfy_token"]
    )
    alert_telegram_chat_id: int | None = Field(
        None, description="Id of the chat to which the Telegram bot writes.", examples=["-1001234567890"]
    )
    alert_telegram_bot_token_file: str | None = Field(
        None, description="The file that holds the bot's token.", examples=["/run/secrets/alert_telegram_bot_token"]
    )
    alert_discord_webhook_url_file: str | None = Field(
        None, description="The file that holds a Discord webhook's URL.", examples=["/run/secrets/alert_discord_url"]
    )
    alert_slack_webhook_url_file: str | None = Field(
        None, description="The file that holds a Slack webhook's URL.", examples=["/run/secrets/alert_slack_url"]
    )
    alert_email_to: str | None = Field(
        None,
        description="Address for a second copy by e-mail; not as the only receiver, since this mail server sends it.",
        examples=["admin@dinky.local"],
    )
    alert_email_from: str = Field(
        "alerts@dinky.local", description="The sender of that copy.", examples=["alerts@dinky.local"]
    )
    alert_email_smarthost: str = Field(
        "mail-server:25", description="The SMTP server for that copy.", examples=["mail-server:25"]
    )
    alert_deadman_url: str | None = Field(
        None,
        description="URL that is called every 5 minutes while alerting works; its service should alert after 15.",
        examples=["https://hc-ping.com/uuid"],
        pattern="^https?://",
    )
    alert_deadman_url_file: str | None = Field(
        None, description="The file that holds that URL.", examples=["/run/secrets/alert_deadman_url"]
    )


OUT_OF_BAND = (
    "ALERT_WEBHOOK_URL (or _FILE), ALERT_NTFY_URL (or _FILE), ALERT_TELEGRAM_CHAT_ID with "
    "ALERT_TELEGRAM_BOT_TOKEN_FILE, ALERT_DISCORD_WEBHOOK_URL_FILE, ALERT_SLACK_WEBHOOK_URL_FILE"
)
"""Receivers that do not depend on this mail server."""


def is_configured(settings: RouteSettings) -> bool:
    """Return whether a notification route is set. It may be incomplete, which `check` reports."""
    return _ways(settings) or bool(_halves(settings))


def check(settings: RouteSettings) -> None:
    """Check that notifications have a route that does not use this mail server.

    Raises:
        SettingsInvalid: there is no such route, or an incomplete one.
    """
    lines = list(_halves(settings))
    if not _ways(settings) and not lines:
        second = (
            " ALERT_EMAIL_TO alone would send by the mail whose failure it reports." if settings.alert_email_to else ""
        )
        lines.append(f"no route for notifications: set at least one of {OUT_OF_BAND}.{second}")
    if lines:
        raise SettingsInvalid(lines)


def _ways(settings: RouteSettings) -> bool:
    return any(
        (
            settings.alert_webhook_url or settings.alert_webhook_url_file,
            settings.alert_ntfy_url or settings.alert_ntfy_url_file,
            settings.alert_telegram_chat_id,
            settings.alert_discord_webhook_url_file,
            settings.alert_slack_webhook_url_file,
        )
    )


def _halves(settings: RouteSettings) -> list[str]:
    pairs = {
        "ALERT_TELEGRAM_CHAT_ID": settings.alert_telegram_chat_id is not None,
        "ALERT_TELEGRAM_BOT_TOKEN_FILE": settings.alert_telegram_bot_token_file is not None,
    }
    missing = [f"{name}: is not set; Telegram needs both" for name, is_set in pairs.items() if not is_set]
    both = {
        "ALERT_WEBHOOK_URL": (settings.alert_webhook_url, settings.alert_webhook_url_file),
        "ALERT_NTFY_URL": (settings.alert_ntfy_url, settings.alert_ntfy_url_file),
        "ALERT_DEADMAN_URL": (settings.alert_deadman_url, settings.alert_deadman_url_file),
    }
    doubled = [f"{name}: is set, and {name}_FILE too; keep one" for name, values in both.items() if all(values)]
    return (missing if len(missing) == 1 else []) + doubled
