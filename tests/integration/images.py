"""Build the project's images: once in each process, and in one process at a time."""

import fcntl
import os
import subprocess
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.documents import ROOT

FILES: Final = (
    "docker-compose.mail.prod.yml",
    "docker-compose.sandbox.yml",
    "tests/integration/docker-compose.test.yml",
)
TAG: Final = os.environ.get("DINKY_MAIL_VERSION") or "latest"
CHECKOUT: Final = sha256(bytes(ROOT)).hexdigest()[:6]
"""Distinguishes this checkout from others on the same machine."""
BUILD: Final = "DINKY_MAIL_BUILD"
"""Environment variable: `no` runs the tests on the images that are there."""


@cache
def build() -> None:
    """Build the images of this checkout, which takes a second or two when nothing has changed.

    The workers of pytest-xdist build in turn: the first one does the work, the others find Docker's cache.

    Raises:
        AssertionError: Docker could not build them; the message has the end of the build.
    """
    if os.environ.get(BUILD) == "no":
        return
    files = (word for file in FILES for word in ("--file", file))
    command = ("docker", "compose", *files, "--env-file", "sandbox/sandbox.env", "build", "--quiet")
    with (Path(tempfile.gettempdir()) / f"dinky-mail-build-{CHECKOUT}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)  # noqa: S603 - Compose
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-5000:]}"
