"""Runs a demo on the stack with the sandbox relay: `python -m dev.demo {mail,fault,quota,down}`."""

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Final

import httpx2

from dev.demo import fault, first_mail, quota
from dev.demo.stack import DemoFailed, compose

DEMOS: Final[Mapping[str, tuple[str, Callable[[], None]]]] = {
    "mail": ("demo", first_mail.demo),
    "fault": ("demo-fault", fault.demo),
    "quota": ("demo-quota", quota.demo),
    "down": ("demo-down", lambda: compose("down", "--volumes", "--remove-orphans")),
}
"""Each demo by its argument: the name of its make target, and the function that runs it."""


def main() -> int:
    """Run one demo and return the exit status: 0, or 1 when a step failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", choices=DEMOS)
    target, run = DEMOS[parser.parse_args().demo]
    try:
        run()
    except (DemoFailed, httpx2.HTTPError) as failure:
        print(f"\n{target}: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
