"""How the API describes itself."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from mail_api.errors import ANSWERS, Code
from mail_api.schemas import SendRequest

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api, StartApi


async def test_paths(start_api: StartApi) -> None:
    """The fields of /send with an example, in its three media types, and nothing but what there is."""
    described = (await (await start_api(api_docs=True)).client.get("/openapi.json")).json()
    assert set(described["paths"]) == {"/send", "/health", "/ready", "/messages", "/messages/{message_id}", "/quota"}
    bodies = described["paths"]["/send"]["post"]["requestBody"]["content"]
    assert set(bodies) == {"application/json", "application/x-www-form-urlencoded", "multipart/form-data"}
    schema = bodies["application/json"]["schema"]
    assert list(bodies["application/json"]["example"]) == ["to", "subject", "body", "from"]
    names = {field.alias or name for name, field in SendRequest.model_fields.items()}
    assert names == set(schema["properties"])


async def test_every_answer_has_an_example(start_api: StartApi) -> None:
    """Each code that a caller can read is shown, under its status, as the API would say it."""
    described = (await (await start_api(api_docs=True)).client.get("/openapi.json")).json()
    answers = described["paths"]["/send"]["post"]["responses"]
    assert "422" not in answers
    for answer in {*ANSWERS.values()}:
        if answer.code not in {Code.HONEYPOT, Code.NOT_FOUND, Code.LEDGER_UNAVAILABLE}:
            content = answers[str(answer.status)]["content"]["application/json"]
            example = content["examples"][answer.code]["value"]
            assert (example["success"], example["code"]) == (False, answer.code)
    assert json.loads(json.dumps(answers["200"]["content"]["application/json"]["example"]))["success"] is True


async def test_page_is_offline(start_api: StartApi) -> None:
    """The page and all that it loads come from this server."""
    client = (await start_api(api_docs=True)).client
    page = (await client.get("/docs")).text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) == 3
    for link in links:
        response = await client.get(f"/{link}")
        assert (response.status_code, len(response.content) > 100) == (200, True)


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/docs/swagger-ui.css"])
async def test_off_by_default(api: Api, path: str) -> None:
    """Strangers get no documentation unless API_DOCS says so."""
    assert (await api.client.get(path)).status_code == 404
