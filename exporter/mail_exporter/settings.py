"""Settings of the exporter, from environment variables. The defaults fit the mail server of this project."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from mail_telemetry.configuration import LogLevel, QuotaReserve

Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """The exporter's settings; each field is read from the variable of the same name in upper case."""

    model_config = SettingsConfigDict(env_ignore_empty=True, str_strip_whitespace=True, extra="ignore", frozen=True)

    mail_log_file: Path = Field(
        Path("/var/log/mail/mail.log"),
        description="The Postfix log; rotated files are in the same folder.",
        examples=["/var/log/mail/mail.log"],
    )
    queue_host: str = Field(
        "mail-queue", description="Host that serves the mail queue as JSON.", examples=["mail-queue"]
    )
    queue_port: Port = Field(9025, description="Port of QUEUE_HOST.", examples=[9025])
    queue_timeout_seconds: float = Field(
        5.0, gt=0, description="Timeout for reading the queue, in seconds.", examples=[5]
    )
    mail_hostname: str = Field(
        "",
        description="The mail server's name, which must be unique among the servers that share a ledger.",
        examples=["mail.example.com"],
    )
    postfix_syslog_names: str = Field(
        "postfix,postfix-*",
        description="Postfix's names in the log, separated by commas; `*` stands for any characters.",
        examples=["postfix,postfix-*"],
    )
    smtp_relay_host: str | None = Field(
        None, description="The relay whose recipients count against the quota.", examples=["smtp.gmail.com"]
    )
    smtp_relay_daily_limit: int = Field(
        500, ge=1, description="Recipients that the relay accepts in 24 hours.", examples=[500]
    )
    forward_daily_limit: int = Field(
        100,
        ge=0,
        description="Mails from outside that the mail server forwards in 24 hours; 0: no limit.",
        examples=[100],
    )
    quota_reserve: QuotaReserve = Field(
        default_factory=lambda known: known["smtp_relay_daily_limit"] // 10,
        description="Recipients of the daily limit that are reserved for API keys marked important.",
        examples=[50],
        json_schema_extra={"default_text": "a tenth of SMTP_RELAY_DAILY_LIMIT"},
    )
    quota_window_seconds: float = Field(
        86400,
        gt=0,
        description="Length of the relay's quota window; other values than a day are for tests.",
        examples=[86400],
    )
    submission_host: str = Field(
        "mail-server", description="Host whose TLS certificate is read.", examples=["mail-server"]
    )
    submission_port: Port = Field(587, description="Port for STARTTLS on SUBMISSION_HOST.", examples=[587])
    spool_path: Path = Field(
        Path("/var/spool/postfix"),
        description="The mail server's spool; its free bytes are measured when it is mounted.",
        examples=["/var/spool/postfix"],
    )
    exporter_port: Port = Field(9154, description="Port of /metrics and /health.", examples=[9154])
    ledger_url: str = Field(
        "sqlite:////var/lib/mail-ledger/ledger.db",
        description="The database, as an SQLAlchemy URL.",
        examples=["sqlite:////var/lib/mail-ledger/ledger.db"],
    )
    cause_rules_file: Path | None = Field(
        None,
        description="File with your own rules from a relay's reply to a cause; they come before the built-in ones.",
        examples=["/etc/mail-exporter/cause-rules.toml"],
    )
    log_level: LogLevel = Field("INFO", description="Lowest level that is logged: TRACE to ERROR.", examples=["INFO"])

    @property
    def server(self) -> str:
        """The mail server's name in the ledger."""
        return self.mail_hostname.lower()

    @property
    def syslog_names(self) -> tuple[str, ...]:
        """Postfix's names in the log, as patterns."""
        return tuple(name.strip() for name in self.postfix_syslog_names.split(",") if name.strip())
