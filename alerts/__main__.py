"""`make alerts`: writes the rule files anew.

With --output they go elsewhere, and with --speed all their times are divided: the fire drill runs the same rules fast.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

from alerts.render import rule_files
from alerts.words import read_links

RULES: Final = Path(__file__).with_name("rules")


def main() -> int:
    """Write the files and say which changed."""
    parser = argparse.ArgumentParser(prog="python -m alerts", description=__doc__)
    parser.add_argument("--output", type=Path, default=RULES, help="the folder to write to (default: alerts/rules)")
    parser.add_argument("--speed", type=int, default=1, help="divide every time by this whole number (default: 1)")
    chosen = parser.parse_args()
    if chosen.speed != 1 and chosen.output == RULES:
        parser.error("--speed needs --output: alerts/rules holds the rules as they are run")
    for name in write(chosen.output, chosen.speed):
        print(f"alerts: wrote {chosen.output / name}")
    return 0


def write(folder: Path, speed: int = 1) -> list[str]:
    """Make the folder hold the rule files and no other; return the names of those that changed."""
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
