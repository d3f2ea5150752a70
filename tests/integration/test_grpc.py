"""OTLP over gRPC, from the real images to the sandbox's gRPC server."""

from collections.abc import Iterator

import pytest

from tests.integration.stack import API_METRICS, EXPORTER, SANDBOX, Stack, until

SETTINGS = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel-collector:4317",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
}
SERVICES = ("mail-api", "mail-exporter")


@pytest.fixture(scope="module")
def grpc_stack(stack: Stack) -> Iterator[Stack]:
    """Return the stack with services that export over gRPC; afterwards they use HTTP again."""
    with stack.variables(SETTINGS, *SERVICES):
        yield stack


def exports(stack: Stack) -> dict[str, int]:
    """Return how many exports the sandbox has received, by signal."""
    found: dict[str, int] = stack.http.get(stack.url(SANDBOX, "/health")).json()["exports"]
    return found


def test_one_trace(grpc_stack: Stack, subject: str) -> None:
    """The spans of both services arrive over gRPC as one trace, and none over HTTP."""
    before = exports(grpc_stack)
    message_id = grpc_stack.send(subject)
    grpc_stack.trace(message_id, until_named=("POST /send", "smtp submit", "postfix receive", "postfix transmit"))
    now = exports(grpc_stack)
    assert now["traces"] - before.get("traces", 0) == now["traces over gRPC"] - before.get("traces over gRPC", 0)
    for service, name in (
        (API_METRICS, "mail_api_spans_dropped_total"),
        (EXPORTER, "mail_exporter_spans_dropped_total"),
    ):
        assert grpc_stack.value(service, name) == 0


def test_collector_away_and_back(grpc_stack: Stack, subject: str) -> None:
    """Without its collector a mail is sent, lost spans are counted, and later spans are exported again."""
    name = "mail_api_spans_dropped_total"
    dropped = grpc_stack.value(API_METRICS, name)
    grpc_stack.command("pause", "sandbox-relay")
    try:
        message_id = grpc_stack.send(subject)
        until("spans counted as lost", lambda: grpc_stack.value(API_METRICS, name) > dropped)
    finally:
        grpc_stack.command("unpause", "sandbox-relay")
    grpc_stack.received(subject)
    assert "span export failed" in grpc_stack.logs("mail-api")
    later = grpc_stack.send(f"{subject} later")
    grpc_stack.trace(later, until_named=("POST /send", "postfix transmit"))
    assert message_id != later


def test_stop_is_quick(grpc_stack: Stack) -> None:
    """Services that export over gRPC exit before Docker kills them."""
    grpc_stack.command("stop", "--timeout", "9", *SERVICES)
    try:
        ended = {
            service: container.ExitCode
            for service in SERVICES
            for container in grpc_stack.compose.get_containers(include_all=True)
            if container.Service == service
        }
    finally:
        grpc_stack.start(*SERVICES)
    assert dict.fromkeys(SERVICES, 0) == ended
