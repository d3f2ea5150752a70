"""`make audit`: asks a vulnerability service about every version that requirements/*.txt pin.

pip-audit does the asking. It ends with 0 and "No known vulnerabilities found" when its service knew nothing of a
package, as behind a mirror that has no such service; here that is no answer, and has an exit status of its own.
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
        """Return it as pip writes it."""
        return f"{self.name}=={self.version}"


class Verdict(NamedTuple):
    """What is known of all the pins, in words."""

    clean: int
    vulnerable: tuple[str, ...]
    unasked: tuple[str, ...]

    @property
    def status(self) -> int:
        """The exit status: a known vulnerability weighs more than a question that nobody answered."""
        if self.vulnerable:
            return VULNERABLE
        return NOT_ASKED if self.unasked else NOTHING_KNOWN


def pins(text: str) -> set[Pin]:
    r"""Return what a requirements file pins, for every platform and Python that it names.

    uvloop==0.22.1 ; sys_platform != 'win32' \
    --hash=sha256:017bd46f9e7b78e81606329d07141d3da446f8798c6baeec124260e22c262772
    """
    return {
        Pin(found["name"], found["version"], frozenset(_HASH.findall(found["rest"]))) for found in _PIN.finditer(text)
    }


def rounds(wanted: Iterable[Pin]) -> list[list[Pin]]:
    """Return the pins in lists that have each name once, since pip-audit takes one version of a package at a time."""
    lists: list[dict[str, Pin]] = []
    for pin in sorted(wanted):
        free = next((one for one in lists if pin.name not in one), None)
        if free is None:
            lists.append(free := {})
        free[pin.name] = pin
    return [list(one.values()) for one in lists]


def requirements(wanted: Iterable[Pin]) -> str:
    """Return a requirements file of these pins, without markers: asked for whatever they were pinned for."""
    return "".join(f"{pin} {' '.join(sorted(pin.hashes))}\n" for pin in wanted)


def judge(wanted: Iterable[Pin], report: Mapping[str, Any]) -> Verdict:
    """Return what pip-audit's report, as JSON, says of these pins; one that it does not have was not asked."""
    told = {one["name"]: one for one in report["dependencies"]}
    clean, vulnerable, unasked = 0, [], []
    for pin in wanted:
        found = told.get(pin.name, {"skip_reason": "not in the report"})
        if "skip_reason" in found:
            # Its name at the end of the reason would make every reason another one.
            reason = found["skip_reason"].removesuffix(f": {pin.name} ({pin.version})")
            unasked.append(f"{pin}: {reason}")
        elif found["vulns"]:
            vulnerable += [f"{pin}: {one['id']}, {_fixed(one['fix_versions'])}" for one in found["vulns"]]
        else:
            clean += 1
    return Verdict(clean, tuple(vulnerable), tuple(unasked))


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict on everything together."""
    every = list(verdicts)
    return Verdict(
        sum(one.clean for one in every),
        tuple(words for one in every for words in one.vulnerable),
        tuple(words for one in every for words in one.unasked),
    )


def ask(wanted: list[Pin], service: str, pip_audit: Path = PIP_AUDIT) -> Verdict:
    """Let pip-audit ask about pins with different names; without a report, none of them was asked."""
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
    """Return the verdict for a person."""
    lines = [f"  {line}" for line in verdict.vulnerable]
    if verdict.unasked:
        # The same reason for all of them is said once.
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
    """Ask about everything that is pinned; return 0, 1 (a vulnerability is known) or 3 (somebody did not answer)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--service", choices=SERVICES, default=SERVICES[0], help="whom to ask (default: pypi)")
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
