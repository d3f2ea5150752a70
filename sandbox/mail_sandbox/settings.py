"""Settings of the sandbox: environment variables that start with `SANDBOX_`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "SANDBOX_"

Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(BaseSettings):
    """Settings of the sandbox. A description ends the sentence "set it to", which is printed for a wrong value."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    username: str = Field(
        default="sandbox@gmail.example", min_length=3, description="the account's address, me@gmail.example"
    )
    password: str = Field(
        default="sandboxapppasswd", min_length=1, description="the app password, with or without its spaces"
    )
    hostnames: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("sandbox-relay", "smtp.gmail.com", "localhost"),
        min_length=1,
        description="the certificate's names, separated by commas",
    )
    ca_file: Path = Field(
        default=Path("/certs/ca.pem"),
        description="where to write the CA certificate, in a directory the sandbox can write to",
    )
    daily_limit: int = Field(default=500, ge=0, description="recipients per window, a whole number like 500")
    limit_window_seconds: float = Field(
        default=86400, gt=0, description="the limit's rolling window in seconds, 86400 for a day"
    )
    limit_at: Literal["mail", "end"] = Field(
        default="end", description="where the limit is answered: `mail` (MAIL FROM) or `end` (after the data)"
    )
    bind: str = Field(
        default="0.0.0.0",  # noqa: S104 - in its container, every interface is the internal network
        description="the address to listen on, 0.0.0.0 or 127.0.0.1",
    )
    submission_port: Port = Field(default=587, description="the port for SMTP with STARTTLS, 0 to 65535 (0: any free)")
    smtps_port: Port = Field(default=465, description="the port for SMTP in TLS, 0 to 65535 (0: any free)")
    http_port: Port = Field(default=8080, description="the port of the control page, 0 to 65535 (0: any free)")
    otlp_port: Port = Field(default=4318, description="the port for OTLP over HTTP, 0 to 65535 (0: any free)")
    otlp_grpc_port: Port = Field(default=4317, description="the port for OTLP over gRPC, 0 to 65535 (0: any free)")
    keep_messages: int = Field(default=10_000, ge=1, description="how many mails to keep, a whole number from 1")
    keep_spans: int = Field(default=20_000, ge=1, description="how many spans to keep, a whole number from 1")

    @field_validator("hostnames", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value


def problems(error: ValidationError) -> list[str]:
    """Return one line for each wrong variable: its name, what is wrong, what to set instead."""
    lines = []
    for detail in error.errors(include_url=False, include_context=False):
        field = str(detail["loc"][0])
        known = Settings.model_fields.get(field)
        fix = f"; set it to {known.description}" if known else ""
        lines.append(f"{PREFIX}{field.upper()}: {detail['msg']}{fix}")
    return lines
