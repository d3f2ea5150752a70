"""The check's own variables. Those of the stack are read as the services read them: stack.py."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Whom the check asks beside the stack itself."""

    model_config = SettingsConfigDict(env_ignore_empty=True, str_strip_whitespace=True, extra="ignore", frozen=True)

    prometheus_url: str = Field(
        "http://prometheus:9090",
        description="The Prometheus that `make check` asks whether it sees the services.",
        examples=["http://prometheus:9090"],
    )
    alertmanager_url: str = Field(
        "http://alertmanager:9093",
        description="The Alertmanager that it asks where alerts about mail go.",
        examples=["http://alertmanager:9093"],
    )
    ntp_server: str = Field(
        "pool.ntp.org",
        description="The time server that it compares the clock with (UDP port 123).",
        examples=["pool.ntp.org"],
    )
