"""`make alerts`: write the rule files.

--output writes them to another folder; --speed divides all their times, for the drill.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

from alerts.annotations import read_links
from alerts.render import rule_files

RULES: Final = Path(__file__).with_name("rules")


def main() -> int:
    """Write the files and print which changed."""
    parser = argparse.ArgumentParser(prog="python -m alerts", description=__doc__)
    parser.add_argument("--output", type=Path, default=RULES, help="the folder to write to (default: alerts/rules)")
    parser.add_argument("--speed", type=int, default=1, help="divide every time by this whole number (default: 1)")
    chosen = parser.parse_args()
    if chosen.speed != 1 and chosen.output == RULES:
        parser.error("--speed needs --output: alerts/rules holds the rules for production")
    for name in write(chosen.output, chosen.speed):
        print(f"alerts: wrote {chosen.output / name}")
    return 0


def write(folder: Path, speed: int = 1) -> list[str]:
    """Write the rule files and delete other files in the folder; return the names of those that changed."""
    files = rule_files(read_links(), speed)
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, text in files.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            changed.append(name)
    for path in folder.glob("*.yml"):
        if path.name not in files:
            path.unlink()
            changed.append(path.name)
    return changed


if __name__ == "__main__":
    sys.exit(main())
