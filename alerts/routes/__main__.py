"""`make alert-routes`: write Alertmanager's configuration from ALERT_* in the environment or in .env.mail.prod."""

import argparse
import sys
from pathlib import Path
from typing import Final

from alerts.routes.render import snippet, whole
from alerts.routes.settings import RouteSettings, check
from mail_telemetry.configuration import SettingsInvalid, load_or_stop, stop

OUTPUT: Final = Path(__file__).parents[1] / "rendered"


def main() -> int:
    """Write both files; exit with 2 and name the variable if one is missing or invalid."""
    parser = argparse.ArgumentParser(prog="python -m alerts.routes", description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the folder to write to (default: alerts/rendered)")
    folder: Path = parser.parse_args().output
    settings = load_or_stop(RouteSettings)
    try:
        check(settings)
    except SettingsInvalid as error:
        stop(*(f"alert-routes: {line}" for line in error.lines))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"alertmanager.yml": whole(settings), "alertmanager-snippet.yml": snippet(settings)}.items():
        (folder / name).write_text(text)
        print(f"alert-routes: wrote {folder / name}")
    if not (settings.alert_deadman_url or settings.alert_deadman_url_file):
        print("alert-routes: ALERT_DEADMAN_URL is not set: there is no notification when alerting itself stops")
    return 0


if __name__ == "__main__":
    sys.exit(main())
