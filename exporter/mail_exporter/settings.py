"""What the exporter reads from the environment. Without any of it, it works beside our mail server."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """The exporter's settings; each field is the variable of the same name in upper case."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

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
    exporter_port: Port = Field(9154, description="Where /metrics and /health are served.", examples=[9154])
    ledger_url: str = Field(
        "sqlite:////var/lib/mail-ledger/ledger.db",
        description="The database, as an SQLAlchemy URL.",
        examples=["sqlite:////var/lib/mail-ledger/ledger.db"],
    )
    log_level: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level that is logged: TRACE to ERROR.", examples=["INFO"]
    )
