"""What the exporter reads from the environment. Without any of it, it works beside our mail server."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The exporter's settings; each field is the variable of the same name in upper case."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    mail_log_file: Path = Field(
        Path("/var/log/mail/mail.log"), description="The Postfix log; rotated files lie beside it."
    )
    queue_host: str = Field("mail-queue", description="Where the mail server offers its queue as JSON.")
    queue_port: int = Field(9025, ge=1, le=65535, description="The port of it.")
    queue_timeout_seconds: float = Field(5.0, gt=0, description="How long a scrape waits for the queue.")
    exporter_port: int = Field(9154, ge=0, le=65535, description="Where /metrics and /health are served.")
    ledger_url: str = Field(
        "sqlite:////var/lib/mail-ledger/ledger.db", description="The database, as an SQLAlchemy URL."
    )
    log_level: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least level that is logged."
    )
