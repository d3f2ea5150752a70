"""The running API conforms to its OpenAPI description, tested with schemathesis.

It uses a recording mail server instead of the stack: hundreds of mails would exhaust the relay's quota.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import pytest

from mail_ledger.api_keys import ApiKeys
from mail_ledger.engine import open_engine
from tests.documents import ROOT
from tests.integration.api import schemathesis_hooks
from tests.unit.api.fake_postfix import FakePostfix
from tests.unit.api.test_serving import running, variables

if TYPE_CHECKING:
    from pathlib import Path

SEED = "20261122"
EXAMPLES = "150"
FORM = "/forms/contact"


@pytest.mark.parametrize("selection", ["--exclude-path", "--include-path"], ids=["api", "form"])
async def test_schemathesis(tmp_path: Path, selection: str) -> None:
    """Every check that schemathesis has passes, for valid and invalid input: statuses, shapes, and never a 5xx."""
    postfix = FakePostfix()
    await postfix.start()
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    key = ApiKeys(open_engine(ledger)).create("schemathesis")
    environment = variables(postfix) | {
        "DEFAULT_TO": "owner@mydomain.test",
        "LEDGER_URL": ledger,
        "FORMS_PATH": str(ROOT / "tests/integration/forms"),
        "SMTP_RELAY_DAILY_LIMIT": "1000000",
    }
    url = f"http://127.0.0.1:{environment['API_PORT']}/openapi.json"
    command = (
        "run",
        url,
        selection,
        FORM,
        "--max-examples",
        EXAMPLES,
        "--seed",
        SEED,
        "--no-color",
        "-H",
        f"Authorization: Bearer {key}",
    )
    async with running(**environment) as api:
        log_reader = asyncio.create_task(api.rest())  # otherwise the API blocks on a full pipe
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", *command),
            stdout=asyncio.subprocess.PIPE,
            cwd=tmp_path,
            env=os.environ | {"SCHEMATHESIS_HOOKS": schemathesis_hooks.__name__, "PYTHONPATH": str(ROOT)},
        )
        report, _ = await process.communicate()
        log_reader.cancel()
    await postfix.stop()
    assert process.returncode == 0, report.decode()
    assert postfix.mails
