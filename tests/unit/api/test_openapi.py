"""OpenAPI description of the API."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from mail_api.error_codes import ANSWERS, Code
from mail_api.schemas import SendRequest
from mail_api.status_schemas import MessageAnswer, QuotaAnswer
from tests.unit.api.conftest import SHARED

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api, StartApi


@SHARED
async def test_paths(start_shared: StartApi) -> None:
    """/send has its fields with an example in three media types; there are no undocumented paths."""
    described = (await (await start_shared(api_docs=True)).client.get("/openapi.json")).json()
    messages = {"/messages", "/messages/{message_id}", "/messages/{message_id}/release"}
    assert set(described["paths"]) == {"/send", "/health", "/ready", "/quota", *messages}
    bodies = described["paths"]["/send"]["post"]["requestBody"]["content"]
    assert set(bodies) == {"application/json", "application/x-www-form-urlencoded", "multipart/form-data"}
    schema = bodies["application/json"]["schema"]
    assert list(bodies["application/json"]["example"]) == ["to", "subject", "body", "from"]
    names = {field.alias or name for name, field in SendRequest.model_fields.items()}
    assert names == set(schema["properties"])


@SHARED
async def test_every_answer_has_an_example(start_shared: StartApi) -> None:
    """Each code has an example under its status, as the API returns it."""
    described = (await (await start_shared(api_docs=True)).client.get("/openapi.json")).json()
    answers = described["paths"]["/send"]["post"]["responses"]
    assert "422" not in answers
    for answer in {*ANSWERS.values()}:
        if answer.code not in {Code.HONEYPOT, Code.NOT_FOUND, Code.LEDGER_UNAVAILABLE, Code.KEY_RIGHT_MISSING}:
            content = answers[str(answer.status)]["content"]["application/json"]
            example = content["examples"][answer.code]["value"]
            assert (example["success"], example["code"]) == (False, answer.code)
    assert json.loads(json.dumps(answers["200"]["content"]["application/json"]["example"]))["success"] is True


@SHARED
async def test_release_describes_the_missing_right(start_shared: StartApi) -> None:
    """The code that only POST /messages/{id}/release answers is shown there."""
    described = (await (await start_shared(api_docs=True)).client.get("/openapi.json")).json()
    answers = described["paths"]["/messages/{message_id}/release"]["post"]["responses"]
    example = answers["403"]["content"]["application/json"]["examples"][Code.KEY_RIGHT_MISSING]["value"]
    assert example["code"] == Code.KEY_RIGHT_MISSING


@SHARED
async def test_no_answer_without_an_example(start_shared: StartApi) -> None:
    """Every JSON answer has an example, every operation a summary, a description and a tag; there is no 422."""
    described = (await (await start_shared(api_docs=True)).client.get("/openapi.json")).json()
    operations = [one for path in described["paths"].values() for one in path.values()]
    assert all(one["summary"] and one["description"] and one["tags"] for one in operations)
    for operation in operations:
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/json")
            assert status == "303" or content.get("example") or content["examples"]
            assert status != "422"


@SHARED
async def test_examples_of_the_ledger(start_shared: StartApi) -> None:
    """The examples of mails and quota have the fields of their models; OpenAPI omits fields that are null."""
    described = (await (await start_shared(api_docs=True)).client.get("/openapi.json")).json()

    models: dict[str, type[BaseModel]] = {"/messages/{message_id}": MessageAnswer, "/quota": QuotaAnswer}
    for path, model in models.items():
        answer = described["paths"][path]["get"]["responses"]["200"]
        example = answer["content"]["application/json"]["example"]
        assert set(example) <= set(model.model_fields)
        model.model_validate(dict.fromkeys(model.model_fields) | example)


@SHARED
async def test_page_is_offline(start_shared: StartApi) -> None:
    """The documentation page and everything that it loads are served by this server."""
    client = (await start_shared(api_docs=True)).client
    page = (await client.get("/docs")).text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) == 3
    for link in links:
        response = await client.get(f"/{link}")
        assert (response.status_code, len(response.content) > 100) == (200, True)


@SHARED
@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/docs/swagger-ui.css"])
async def test_off_by_default(shared_api: Api, path: str) -> None:
    """There is no documentation unless API_DOCS is set."""
    assert (await shared_api.client.get(path)).status_code == 404
