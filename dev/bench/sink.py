"""OTLP/HTTP receiver that only counts spans: POST receives them, GET returns their number."""

import gzip
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Sink(BaseHTTPRequestHandler):
    """Counts spans; exporters keep their connections, so each has a thread."""

    protocol_version = "HTTP/1.1"
    spans = 0

    def do_POST(self) -> None:
        """Count the request's spans."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        request = ExportTraceServiceRequest.FromString(body)
        Sink.spans += sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)
        self._answer(b"")

    def do_GET(self) -> None:
        """Return the number of spans."""
        self._answer(str(Sink.spans).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log nothing."""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer((sys.argv[2] if sys.argv[2:] else "127.0.0.1", int(sys.argv[1])), Sink).serve_forever()
