"""`mail-exporter`: prepares the OTEL_ variables and runs the command line."""

import os

from mail_telemetry import configuration, otel_variables


def main() -> None:
    """Run the command line."""
    with configuration.stopping():
        otel_variables.prepare(os.environ)
    # Not before: OpenTelemetry's SDK reads variables when it is imported.
    from mail_exporter.cli import app  # noqa: PLC0415

    app()


if __name__ == "__main__":
    main()
