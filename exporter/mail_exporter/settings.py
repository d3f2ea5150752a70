"""What the exporter reads from the environment. Without any of it, it works beside our mail server."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from mail_telemetry.configuration import LogLevel, QuotaReserve

Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """The exporter's settings; each field is the variable of the same name in upper case."""

    model_config = SettingsConfigDict(env_ignore_empty=True, str_strip_whitespace=True, extra="ignore", frozen=True)

    mail_log_file: Path = Field(
        Path("/var/log/mail/mail.log"),
        description="The Postfix log; rotated files lie beside it.",
        examples=["/var/log/mail/mail.log"],
    )
    queue_host: str = Field(
        "mail-queue", description="Where the mail server offers its queue as JSON.", examples=["mail-queue"]
    )
    queue_port: Port = Field(9025, description="The port of it.", examples=[9025])
    queue_timeout_seconds: float = Field(5.0, gt=0, description="How long a scrape waits for the queue.", examples=[5])
    mail_hostname: str = Field(
        "",
        description="The mail server's name, which sets it apart from others on one ledger.",
        examples=["mail.example.com"],
    )
    postfix_syslog_names: str = Field(
        "postfix,postfix-*",
        description="What Postfix calls itself in the log, by comma; `*` stands for any characters.",
        examples=["postfix,postfix-*"],
    )
    smtp_relay_host: str | None = Field(
        None, description="The relay whose recipients are counted by its name.", examples=["smtp.gmail.com"]
    )
    smtp_relay_daily_limit: int = Field(
        500, ge=1, description="Recipients that the relay takes in 24 hours.", examples=[500]
    )
    quota_reserve: QuotaReserve = Field(
        default_factory=lambda known: known["smtp_relay_daily_limit"] // 10,
        description="How many of them only API keys marked important may use.",
        examples=[50],
        json_schema_extra={"default_text": "a tenth of SMTP_RELAY_DAILY_LIMIT"},
    )
    quota_window_seconds: float = Field(
        86400, gt=0, description="What the relay counts in; anything but a day is for trying out.", examples=[86400]
    )
    submission_host: str = Field("mail-server", description="Whose certificate is looked at.", examples=["mail-server"])
    submission_port: Port = Field(587, description="The port that offers it, after STARTTLS.", examples=[587])
    spool_path: Path = Field(
        Path("/var/spool/postfix"),
        description="The mail server's spool, whose free bytes are measured when it is mounted.",
        examples=["/var/spool/postfix"],
    )
    exporter_port: Port = Field(9154, description="Where /metrics and /health are served.", examples=[9154])
    ledger_url: str = Field(
        "sqlite:////var/lib/mail-ledger/ledger.db",
        description="The database, as an SQLAlchemy URL.",
        examples=["sqlite:////var/lib/mail-ledger/ledger.db"],
    )
    log_level: LogLevel = Field("INFO", description="Least level that is logged: TRACE to ERROR.", examples=["INFO"])

    @property
    def server(self) -> str:
        """The mail server's name as the ledger has it."""
        return self.mail_hostname.lower()

    @property
    def syslog_names(self) -> tuple[str, ...]:
        """Postfix's names as patterns."""
        return tuple(name.strip() for name in self.postfix_syslog_names.split(",") if name.strip())
