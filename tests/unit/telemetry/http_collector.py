"""A fake OTLP collector over HTTP that records requests and returns a prepared status."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from gzip import decompress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans


@dataclass
class HttpCollector:
    """The recorded requests, and the responses to return."""

    status: int = 200
    endpoint: str = ""
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    is_open: Event = field(default_factory=Event)
    """While it is cleared, the collector does not respond."""
    arrived: Event = field(default_factory=Event)

    @contextmanager
    def serving(self) -> Iterator["HttpCollector"]:
        """Serve on a free port."""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.keep(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{server.server_port}"
        self.is_open.set()
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self.is_open.set()
            server.shutdown()
            thread.join()
            server.server_close()

    def keep(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """Record a request."""
        content = decompress(body) if headers.get("content-encoding") == "gzip" else body
        self.paths.append(path)
        self.headers.append(headers)
        self.requests.append(ExportTraceServiceRequest.FromString(content))
        self.arrived.set()
        self.is_open.wait(10)

    def scopes(self) -> list[ScopeSpans]:
        """Return the received spans, by instrumentation scope."""
        return [scope for request in self.requests for part in request.resource_spans for scope in part.scope_spans]

    def names(self) -> list[str]:
        """Return the names of the received spans."""
        return [span.name for scope in self.scopes() for span in scope.spans]
