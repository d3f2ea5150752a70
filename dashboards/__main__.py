"""`make dashboards`: writes dashboards/json, one file for each page of the catalogue."""

import sys
from pathlib import Path
from typing import Final

from dashboards.catalogue import PAGES
from dashboards.render import dashboard_json

FOLDER: Final = Path(__file__).with_name("json")


def files() -> dict[str, str]:
    """Return the text of every dashboard by the name of its file."""
    return {f"{page.board}.json": dashboard_json(page) for page in PAGES}


def main() -> int:
    """Write the dashboards into the folder, delete other files, and print what changed."""
    FOLDER.mkdir(exist_ok=True)
    wanted = files()
    for name, text in wanted.items():
        path = FOLDER / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"dashboards: wrote {name}")
    for path in FOLDER.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
            print(f"dashboards: removed {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
