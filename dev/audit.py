"""`make audit`: checks every version pinned in requirements/*.txt for known vulnerabilities, by pip-audit.

Not pip-audit alone: it skips pins for other Pythons and platforms, takes one version of a package at a time, and ends
with 0 when its service has no data on a package, as behind a mirror without such a service. Here that has an exit
status of its own.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
PIP_AUDIT: Final = ROOT / ".venv-audit/bin/pip-audit"
SERVICES: Final = ("pypi", "osv")
NOTHING_KNOWN, VULNERABLE, NOT_ASKED = 0, 1, 3
"""The exit statuses; 2 is argparse's own."""
_SECONDS: Final = 900
_PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?P<rest>(?:.*\\\n)*.*)$", re.MULTILINE)
_HASH: Final = re.compile(r"--hash=sha256:[0-9a-f]{64}")


class Pin(NamedTuple):
    """One pinned version, with the hashes that its files may have."""

    name: str
    version: str
    hashes: frozenset[str]

    def __str__(self) -> str:
        """Return the pin in pip's notation."""
        return f"{self.name}=={self.version}"


class Verdict(NamedTuple):
    """The result for some pins: how many are clean, and a line for each vulnerability and each pin without a result."""

    clean: int
    vulnerable: tuple[str, ...]
    unasked: tuple[str, ...]

    @property
    def status(self) -> int:
        """The exit status; a known vulnerability comes before a pin without a result."""
        if self.vulnerable:
            return VULNERABLE
        return NOT_ASKED if self.unasked else NOTHING_KNOWN


def pins(text: str) -> set[Pin]:
    r"""Return the pins of a requirements file, for every platform and Python that it names.

    uvloop==0.22.1 ; sys_platform != 'win32' \
    --hash=sha256:017bd46f9e7b78e81606329d07141d3da446f8798c6baeec124260e22c262772
    """
    return {
        Pin(found["name"], found["version"], frozenset(_HASH.findall(found["rest"]))) for found in _PIN.finditer(text)
    }


def rounds(wanted: Iterable[Pin]) -> list[list[Pin]]:
    """Return the pins in lists that have each name once: pip-audit takes one version of a package at a time."""
    lists: list[dict[str, Pin]] = []
    for pin in sorted(wanted):
        free = next((one for one in lists if pin.name not in one), None)
        if free is None:
            lists.append(free := {})
        free[pin.name] = pin
    return [list(one.values()) for one in lists]


def requirements(wanted: Iterable[Pin]) -> str:
    """Return a requirements file of these pins, without markers, so that pip-audit skips none of them."""
    return "".join(f"{pin} {' '.join(sorted(pin.hashes))}\n" for pin in wanted)


def judge(wanted: Iterable[Pin], report: Mapping[str, Any]) -> Verdict:
    """Return the result for these pins from pip-audit's JSON report; a pin that is missing there has no result."""
    listed = {one["name"]: one for one in report["dependencies"]}
    clean, vulnerable, unasked = 0, [], []
    for pin in wanted:
        found = listed.get(pin.name, {"skip_reason": "not in the report"})
        if "skip_reason" in found:
            # Without the pin at its end, the same reason is the same text for every pin.
            reason = found["skip_reason"].removesuffix(f": {pin.name} ({pin.version})")
            unasked.append(f"{pin}: {reason}")
        elif found["vulns"]:
            vulnerable += [f"{pin}: {one['id']}, {_fixed(one['fix_versions'])}" for one in found["vulns"]]
        else:
            clean += 1
    return Verdict(clean, tuple(vulnerable), tuple(unasked))


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """Return one verdict for all of them."""
    every = list(verdicts)
    return Verdict(
        sum(one.clean for one in every),
        tuple(words for one in every for words in one.vulnerable),
        tuple(words for one in every for words in one.unasked),
    )


def ask(wanted: list[Pin], service: str, pip_audit: Path = PIP_AUDIT) -> Verdict:
    """Run pip-audit for pins with different names; without a report, none of them has a result."""
    with TemporaryDirectory() as folder:
        listed = Path(folder, "requirements.txt")
        listed.write_text(requirements(wanted))
        done = subprocess.run(
            [
                *(pip_audit, "--requirement", listed, "--disable-pip", "--vulnerability-service", service),
                *("--format", "json", "--progress-spinner", "off"),
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    try:
        return judge(wanted, json.loads(done.stdout))
    except ValueError:
        reason = done.stderr.strip().rpartition("\n")[2] or f"pip-audit ended with {done.returncode}"
        return Verdict(0, (), tuple(f"{pin}: {reason}" for pin in wanted))


def words(verdict: Verdict, service: str) -> str:
    """Return the verdict as it is printed."""
    lines = [f"  {line}" for line in verdict.vulnerable]
    if verdict.unasked:
        # A reason that all of them share is printed once.
        reasons = {line.partition(": ")[2] for line in verdict.unasked}
        shown = verdict.unasked if len(reasons) > 1 else (verdict.unasked[0],)
        more = len(verdict.unasked) - len(shown)
        lines += [f"could not ask {service} about {len(verdict.unasked)} versions:", *(f"  {line}" for line in shown)]
        lines += [f"  and {more} more, for the same reason"] if more else []
    lines.append(
        f"audit: {verdict.clean} versions without a known vulnerability, {len(verdict.vulnerable)} vulnerabilities, "
        f"{len(verdict.unasked)} versions not asked about"
    )
    return "\n".join(lines)


def main() -> int:
    """Check every pin; return 0, 1 (a vulnerability is known) or 3 (some pins have no result)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--service", choices=SERVICES, default=SERVICES[0], help="vulnerability service (default: pypi)"
    )
    service = parser.parse_args().service
    files = sorted(ROOT.glob("requirements/*.txt"))
    wanted = set[Pin]().union(*(pins(file.read_text()) for file in files))
    print(f"asking {service} about {len(wanted)} versions out of {', '.join(file.name for file in files)}", flush=True)
    verdict = merged(ask(one, service) for one in rounds(wanted))
    print(words(verdict, service))
    return verdict.status


def _fixed(versions: list[str]) -> str:
    return f"fixed in {', '.join(versions)}" if versions else "no fixed version yet"


if __name__ == "__main__":
    sys.exit(main())
