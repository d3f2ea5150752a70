"""Container health check: `python3 -m mail_telemetry.healthcheck URL` exits with 1 unless the URL returns 200."""

import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 4


def problem(url: str) -> str | None:
    """Return the reason why the URL does not return 200, or None when it does."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", parts.path)
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"{url}: {error}"
    finally:
        connection.close()
    return None if status == HTTPStatus.OK else f"{url}: answers {status}"


if __name__ == "__main__":
    sys.exit(problem(sys.argv[1]))
