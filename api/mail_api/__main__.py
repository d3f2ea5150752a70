"""`mail-api`: the command line."""

import argparse
import os
from collections.abc import Sequence

from mail_telemetry import configuration, otel_variables


def main(argv: Sequence[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT; exit with 2 and a line per problem when the environment can't be used."""
    with configuration.stopping():
        otel_variables.prepare(os.environ)
    # Not before: OpenTelemetry's SDK reads variables when it is imported.
    from mail_api.server import run  # noqa: PLC0415
    from mail_api.settings import Settings  # noqa: PLC0415

    parser = argparse.ArgumentParser(
        prog="mail-api",
        description="HTTP in, SMTP out. Everything is set by environment variables:",
        epilog="\n".join(
            f"  {name.upper():<24} {field.description} [{configuration.default_text(field)}]"
            for name, field in Settings.model_fields.items()
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(argv)
    run(configuration.load_or_stop(Settings))


if __name__ == "__main__":
    main()
