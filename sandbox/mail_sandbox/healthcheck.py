"""Asks a running sandbox whether it is well: `python -m mail_sandbox.healthcheck`; exits with 1 when it is not."""

import http.client
import os
import sys


def main() -> None:
    """Exits with 0 when the control page answers."""
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
