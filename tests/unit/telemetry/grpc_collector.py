"""A fake OTLP collector over gRPC that records requests and returns prepared status codes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

import grpc

SERVICES = ("opentelemetry.proto.collector.trace.v1.TraceService",)


@dataclass
class GrpcCollector:
    """The recorded requests, and the responses to return."""

    answers: list[grpc.StatusCode] = field(default_factory=list)
    """The status codes of the next calls; after them OK."""
    trailers: tuple[tuple[str, bytes], ...] = ()
    is_open: Event = field(default_factory=Event)
    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    metadata: list[dict[str, str | bytes]] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    arrived: Event = field(default_factory=Event)

    @property
    def endpoint(self) -> str:
        """Return the value of OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def serving(self, port: int = 0, credentials: grpc.ServerCredentials | None = None) -> Iterator[None]:
        """Serve, on a free port unless one is given."""
        with ThreadPoolExecutor(4) as pool:
            server = grpc.server(pool, options=[("grpc.so_reuseport", 0)])
            server.add_generic_rpc_handlers([self._handlers(service) for service in SERVICES])
            address = f"127.0.0.1:{port}"
            self.port = (
                server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
            )
            self.is_open.set()
            server.start()
            yield
            self.is_open.set()
            server.stop(grace=0).wait()

    def _handlers(self, service: str) -> grpc.GenericRpcHandler:
        def export(body: bytes, context: grpc.ServicerContext) -> bytes:
            self.bodies.append(body)
            self.methods.append(f"{service}/Export")
            self.metadata.append(dict(context.invocation_metadata()))
            self.peers.append(context.peer())
            self.arrived.set()
            self.is_open.wait(10)
            if self.answers and (code := self.answers.pop(0)) is not grpc.StatusCode.OK:
                context.set_trailing_metadata(self.trailers)
                context.abort(code, "as prepared, 100 %")
            return b""

        return grpc.method_handlers_generic_handler(service, {"Export": grpc.unary_unary_rpc_method_handler(export)})
