"""`make dashboards-pictures`: writes a picture of each dashboard at each width, into docs/pictures by default.

It runs a separate stack with Grafana, Prometheus, Loki and Tempo, sends mail, and lets the relay reject the login.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

from dashboards.board_files import boards
from tests.integration.dashboards.grafana import ImageMissing, shown
from tests.integration.dashboards.screen import WIDTHS
from tests.integration.stack import ROOT

FOLDER: Final = ROOT / "docs/pictures"


def main() -> int:
    """Write the pictures; return 1 if an image is missing or a dashboard does not load."""
    parser = argparse.ArgumentParser(prog="make dashboards-pictures", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="write them there")
    folder = parser.parse_args().folder
    print("dashboards-pictures: running a stack with its monitoring; this takes about five minutes")
    try:
        _take(folder)
    except (ImageMissing, TimeoutError) as failure:
        print(f"dashboards-pictures: {failure}", file=sys.stderr)
        return 1
    return 0


def _take(folder: Path) -> None:
    with shown() as (grafana, screen):
        folder.mkdir(parents=True, exist_ok=True)
        for uid, board in boards().items():
            for width in WIDTHS:
                path = folder / f"{uid}-{width}.png"
                screen.open(grafana.path(uid), board, width)
                screen.picture(path)
                print(f"dashboards-pictures: {path}")


if __name__ == "__main__":
    sys.exit(main())
