"""OTLP receiver over gRPC, by the library grpc: the same spans and counts as over HTTP."""

import contextlib
from collections.abc import AsyncIterator

import grpc
import grpc.aio
from loguru import logger

from mail_sandbox.otlp import ANSWERS, LARGEST_BODY, BodyRejectedError, Signal, keep
from mail_sandbox.relay import PortUnavailableError
from mail_sandbox.spans import SpanStore

_SERVICES = {
    Signal.TRACES: "opentelemetry.proto.collector.trace.v1.TraceService",
    Signal.LOGS: "opentelemetry.proto.collector.logs.v1.LogsService",
    Signal.METRICS: "opentelemetry.proto.collector.metrics.v1.MetricsService",
}


@contextlib.asynccontextmanager
async def served_over_grpc(store: SpanStore, bind: str, port: int, variable: str) -> AsyncIterator[int]:
    """Run the receiver during the context, and yield its port; raises PortUnavailableError."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", LARGEST_BODY)])
    server.add_generic_rpc_handlers([_handlers(store, signal, service) for signal, service in _SERVICES.items()])
    try:
        bound = server.add_insecure_port(f"{bind}:{port}")
    except RuntimeError as error:
        raise PortUnavailableError(variable=variable, port=port, reason=str(error)) from error
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(grace=1)


def _handlers(store: SpanStore, signal: Signal, service: str) -> grpc.GenericRpcHandler:
    async def export(body: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        try:
            if signal is Signal.TRACES:
                keep(store, body)
        except BodyRejectedError as error:
            logger.warning("an export over gRPC was refused: {}", error)
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        store.requests[signal] += 1
        store.requests[f"{signal} over gRPC"] += 1
        return ANSWERS[signal]

    # Without serializers, a handler gets the message as bytes.
    return grpc.method_handlers_generic_handler(service, {"Export": grpc.unary_unary_rpc_method_handler(export)})
