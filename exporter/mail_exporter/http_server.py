"""HTTP server for /metrics, /health and a landing page."""

import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app

_SHUTDOWN_SECONDS = 0.1
"""How long `shutdown()` may take."""
_LANDING = b"""<!doctype html><html lang="en"><title>mail-exporter</title><h1>mail-exporter</h1>
<p><a href="/metrics">/metrics</a> &middot; <a href="/health">/health</a></p></html>"""


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep scrapes out of the log."""


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def application(registry: CollectorRegistry, healthy: Callable[[], bool]) -> WSGIApplication:
    """Return the WSGI application; /health answers 503 when `healthy` returns False."""
    metrics: WSGIApplication = make_wsgi_app(registry)

    def route(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics(environ, start_response)
            case "/health":
                ok = healthy()
                return _respond(start_response, HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE, b"")
            case "/":
                return _respond(start_response, HTTPStatus.OK, _LANDING, "text/html; charset=utf-8")
        return _respond(start_response, HTTPStatus.NOT_FOUND, b"")

    return route


def serve(port: int, registry: CollectorRegistry, healthy: Callable[[], bool]) -> WSGIServer:
    """Serve in a background thread until `shutdown()`; port 0 selects a free port.

    Raises:
        OSError: the port is in use.
    """
    server = make_server("", port, application(registry, healthy), _ThreadingServer, _QuietHandler)
    threading.Thread(target=server.serve_forever, args=(_SHUTDOWN_SECONDS,), name="http", daemon=True).start()
    return server


def _respond(
    start_response: StartResponse, status: HTTPStatus, body: bytes, content_type: str = "text/plain; charset=utf-8"
) -> list[bytes]:
    body = body or f"{status.phrase}\n".encode()
    start_response(f"{status.value} {status.phrase}", [("Content-Type", content_type)])
    return [body]
