"""Entry point of `mail-exporter`: prepares the OTEL_ variables and runs the command line."""

import os

from mail_telemetry import configuration, otel_variables


def main() -> None:
    """Run the command line."""
    with configuration.stopping():
        otel_variables.prepare(os.environ)
    # Imported late, because OpenTelemetry's SDK reads the variables on import.
    from mail_exporter.cli import app  # noqa: PLC0415

    app()


if __name__ == "__main__":
    main()
