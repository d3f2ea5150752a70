"""Health check of the container: `python -m mail_sandbox.healthcheck` exits with 1 when /health does not answer."""

import http.client
import os
import sys


def main() -> None:
    """Exit with 0 when /health answers 200, else with 1."""
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("SANDBOX_HTTP_PORT", "8080")), timeout=2)
    try:
        connection.request("GET", "/health")
        healthy = connection.getresponse().status == http.HTTPStatus.OK
    except OSError as error:
        sys.exit(f"the control page does not answer: {error}")
    finally:
        connection.close()
    sys.exit(0 if healthy else 1)


if __name__ == "__main__":
    main()
