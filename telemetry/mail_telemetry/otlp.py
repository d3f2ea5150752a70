"""How OTLP is spoken, by the standard variables: over HTTP, or over gRPC; each signal may have its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from mail_telemetry.configuration import SettingsInvalid

_GENERAL: Final = "OTEL_EXPORTER_OTLP_"


class Signal(StrEnum):
    """What is sent, as the standard's variables name it."""

    TRACES = "traces"
    LOGS = "logs"


class Protocol(StrEnum):
    """What is spoken; the first is the standard's default."""

    HTTP = "http/protobuf"
    GRPC = "grpc"


class ProtocolUnsupported(SettingsInvalid):
    """OTEL_EXPORTER_OTLP_PROTOCOL asks for what is not built in."""

    def __init__(self, variable: str, value: str) -> None:
        line = (
            f"{variable}: {value} is not built in; set it to {Protocol.HTTP}, and the endpoint to the collector's "
            f"port for HTTP (4318), or to {Protocol.GRPC}, and the endpoint to the one for gRPC (4317)"
        )
        super().__init__([line])


@contextmanager
def variables_read() -> Iterator[None]:
    """Let exporters read the standard variables; what they say about a wrong one becomes an error of ours.

    Raises:
        SettingsInvalid: as they say.
    """
    try:
        yield
    except Exception as error:  # their own types, which differ by protocol
        raise SettingsInvalid([f"OTEL_EXPORTER_OTLP_...: {error}"]) from error


def setting(environ: Mapping[str, str], signal: Signal, name: str) -> tuple[str, str]:
    """Return the variable that counts for a signal, its own before the general one, and what it says; empty: nothing.

    Args:
        environ: the variables.
        signal: what is sent.
        name: the end of the variable's name, as PROTOCOL.
    """
    for variable in (f"{_GENERAL}{signal.upper()}_{name}", f"{_GENERAL}{name}"):
        if value := environ.get(variable, "").strip():
            return variable, value
    return f"{_GENERAL}{name}", ""


def protocol_of(environ: Mapping[str, str], signal: Signal) -> Protocol:
    """Return what a signal is sent over.

    Raises:
        ProtocolUnsupported: it is another one.
    """
    variable, value = setting(environ, signal, "PROTOCOL")
    try:
        return Protocol(value.lower() or Protocol.HTTP)
    except ValueError:
        raise ProtocolUnsupported(variable, value) from None
