"""Mails that the honeypot caught: kept, found and released."""

from __future__ import annotations

import asyncio
import base64
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mail_api import maintenance
from mail_api.caught_mails import LARGEST
from mail_ledger.api_ledger import ApiLedger, Rules
from mail_ledger.caught_mails import CaughtMail
from mail_ledger.engine import LedgerError
from mail_ledger.tables import CaughtState
from tests.polling import until
from tests.unit.api.conftest import SHARED
from tests.unit.api.fake_postfix import DROP, HOLD

if TYPE_CHECKING:
    import httpx2
    from sqlalchemy import Engine

    from mail_ledger.api_keys import ApiKeys
    from tests.unit.api.conftest import SHARED, Api, StartApi
from tests.unit.api.fake_postfix import FakePostfix

FILE = {"name": "cv.pdf", "content": base64.b64encode(b"%PDF").decode()}
AUTOFILLED = {"hp_url": "https://anna.example", "from_": "Anna Lee <anna@example.net>", "body": "Grüße\nAnna"}
KEPT = {"hp_url": "x"}


@pytest.fixture
def caught(ledger_engine: Engine) -> ApiLedger:
    """The API's own ledger."""
    return ApiLedger(ledger_engine, Rules())


@pytest.fixture
def shared_caught(shared_ledger: Engine) -> ApiLedger:
    """The ledger of the shared API."""
    return ApiLedger(shared_ledger, Rules())


@pytest.fixture
def short_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for requested releases ten times a second."""
    monkeypatch.setattr(maintenance, "_RELEASE_SECONDS", 0.1)


def with_key(keys: ApiKeys, *, may_release: bool = True) -> dict[str, str]:
    """Return the header with a new API key."""
    name = "release" if may_release else "shop"
    return {"Authorization": f"Bearer {keys.create(name, may_release=may_release)}"}


async def catch(api: Api, **fields: Any) -> str:  # noqa: ANN401 - JSON
    """Send a request that the honeypot catches; return its id."""
    answer = await api.send(**(AUTOFILLED | fields))
    assert (answer.status_code, answer.json()["code"]) == (200, "accepted")
    return str(answer.json()["id"])


async def release(api: Api, message_id: str, headers: dict[str, str]) -> httpx2.Response:
    """Release a mail by HTTP."""
    return await api.client.post(f"/messages/{message_id}/release", headers=headers)


def stored(ledger: ApiLedger, message_id: str) -> CaughtMail:
    """Return the mail as the ledger has it."""
    found = ledger.caught_mails.get(message_id)
    assert found is not None
    return found


async def until_state(ledger: ApiLedger, message_id: str, **expected: object) -> CaughtMail:
    """Return the mail once it has these values; the API changes it within some seconds."""

    def has_changed() -> bool:
        return all(getattr(stored(ledger, message_id), name) == value for name, value in expected.items())

    await asyncio.to_thread(until, f"{message_id} is {expected}", has_changed)
    return stored(ledger, message_id)


async def test_autofill_is_found(api: Api, postfix: FakePostfix, caught: ApiLedger) -> None:
    """Field case a23: the browser filled hp_url. The loss is in the log with its id, is counted, and is kept."""
    message_id = await catch(api)
    (line,) = api.log("mail not accepted")
    assert (line["mail.result"], line["mail.message_id"]) == ("honeypot", message_id)
    assert line["reason"] == "the hidden field hp_url is filled; kept"
    assert api.metric("mail_api_messages_total", result="honeypot") == 1
    assert api.metric("mail_api_caught_mails_total", outcome="kept") == 1
    assert (stored(caught, message_id).state, postfix.mails) == (CaughtState.CAUGHT, [])
    assert "anna@example.net" not in api.output.getvalue()


@SHARED
@pytest.mark.parametrize("field", ["hp_url", "hp_note"])
async def test_default_fields(shared_api: Api, shared_postfix: FakePostfix, field: str) -> None:
    """The field of existing forms works, and one that browsers do not fill."""
    filled: dict[str, Any] = {field: "x"}
    assert (await shared_api.send(**filled)).status_code == 200
    assert shared_postfix.mails == []


async def test_several_fields(start_api: StartApi, postfix: FakePostfix) -> None:
    """HONEYPOT_FIELD is a list."""
    api = await start_api(honeypot_field="website, fax_2")
    filled: list[dict[str, Any]] = [{name: "x"} for name in ("website", "fax_2", "hp_url")]
    assert [(await api.send(**one)).status_code for one in filled] == [200] * 3
    assert len(postfix.mails) == 1


async def test_release_by_http(api: Api, postfix: FakePostfix, keys: ApiKeys) -> None:
    """A released mail is what would have been sent; a repetition sends nothing and gets the same answer."""
    message_id, header = await catch(api, cc="info@mydomain.test"), with_key(keys)
    first, second = await release(api, message_id, header), await release(api, message_id, header)
    assert (first.status_code, first.json()) == (200, second.json())
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
    assert first.json()["id"] != message_id
    (mail,) = postfix.mails
    content: Any = message_from_bytes(mail.content, policy=policy.default)
    assert mail.recipients == ["hello@mydomain.test", "info@mydomain.test"]
    assert content["Reply-To"] == "Anna Lee <anna@example.net>"
    assert content.get_content().splitlines() == ["Grüße", "Anna"]
    assert api.metric("mail_api_caught_mails_total", outcome="released") == 1
    (line,) = api.log("caught mail released")
    assert (line["mail.message_id"], line["caught_id"]) == (first.json()["id"], message_id)
    status = (await api.client.get(f"/messages/{message_id}", headers=header)).json()
    assert (status["id"], status["state"]) == (first.json()["id"], "accepted")


async def test_html_and_files(api: Api, postfix: FakePostfix, keys: ApiKeys) -> None:
    """HTML is kept; files are not, and the released mail names them in both of its parts."""
    message_id = await catch(api, html="<p>Hi</p>", attachments=[FILE])
    assert (await release(api, message_id, with_key(keys))).status_code == 200
    content: Any = message_from_bytes(postfix.mails[0].content, policy=policy.default)
    plain, markup = (content.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert plain.splitlines() == ["Grüße", "Anna", "", "Files that were not kept: cv.pdf"]
    assert markup.splitlines() == ["<p>Hi</p>", "<p>Files that were not kept: cv.pdf</p>"]


@SHARED
async def test_ids_are_secret(shared_api: Api, shared_keys: ApiKeys) -> None:
    """Without an API key a caught id is unknown, as is any other; its content is for keys with the right alone."""
    message_id = await catch(shared_api)
    unknown = await shared_api.client.get("/messages/msg_00000000000000000000000000")
    answer = await shared_api.client.get(f"/messages/{message_id}")
    assert (answer.status_code, answer.json()) == (404, unknown.json())
    shop = (
        await shared_api.client.get(f"/messages/{message_id}", headers=with_key(shared_keys, may_release=False))
    ).json()
    assert (shop["state"], shop["code"], shop["recipients"][0]["recipient"]) == (
        *("caught", "honeypot"),
        "h***@mydomain.test",
    )
    assert shop["caught"] == {"field": "hp_url", "files": [], "content": None}
    full = (await shared_api.client.get(f"/messages/{message_id}", headers=with_key(shared_keys))).json()
    assert full["caught"]["content"]["body"] == AUTOFILLED["body"]


async def test_list(api: Api, keys: ApiKeys) -> None:
    """`state=caught` lists what waits for a decision, without content; other lists leave it out."""
    first, second = await catch(api), await catch(api)
    header = with_key(keys)

    async def listed(**query: str | int) -> list[str]:
        answer = await api.client.get("/messages", params=query, headers=header)
        assert all(one["caught"] is None or one["caught"]["content"] is None for one in answer.json()["messages"])
        return [one["id"] for one in answer.json()["messages"]]

    assert set(await listed(state="caught")) == {first, second}
    assert len(await listed(state="caught", limit=1)) == 1
    assert await listed() == await listed(state="caught", since="2100-01-01T00:00:00Z") == []
    assert await listed(state="caught", key="shop") == []
    await release(api, first, header)
    assert await listed(state="caught") == [second]


@SHARED
@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "key_invalid"),
        ({"Authorization": "Bearer dm_x"}, 401, "key_invalid"),
        (None, 403, "key_right_missing"),
    ],
    ids=["no key", "wrong key", "no right"],
)
async def test_release_needs_the_right(  # noqa: PLR0913, PLR0917 - fixtures
    shared_api: Api,
    shared_postfix: FakePostfix,
    shared_keys: ApiKeys,
    headers: dict[str, str] | None,
    status: int,
    code: str,
) -> None:
    """Only an API key that was created with the right can release."""
    message_id = await catch(shared_api)
    answer = await release(
        shared_api, message_id, with_key(shared_keys, may_release=False) if headers is None else headers
    )
    assert (answer.status_code, answer.json()["code"], shared_postfix.mails) == (status, code, [])


@SHARED
@pytest.mark.parametrize("message_id", ["msg_00000000000000000000000000", "msg_x", "x" * 500])
async def test_unknown_id(shared_api: Api, shared_keys: ApiKeys, message_id: str) -> None:
    """Only a caught mail can be released."""
    assert (await release(shared_api, message_id, with_key(shared_keys))).status_code == 404


async def test_release_passes_the_quota(
    start_api: StartApi, postfix: FakePostfix, keys: ApiKeys, caught: ApiLedger
) -> None:
    """Without room in the relay's day nothing is sent; the mail can be released later."""
    api = await start_api(smtp_relay_daily_limit=1, quota_reserve=0)
    message_id, header = await catch(api), with_key(keys)
    await api.send()
    answer = await release(api, message_id, header)
    assert (answer.status_code, answer.json()["code"], len(postfix.mails)) == (429, "quota_exhausted", 1)
    assert (stored(caught, message_id).state, stored(caught, message_id).code) == ("caught", "quota_exhausted")


async def test_refused_release(api: Api, postfix: FakePostfix, keys: ApiKeys) -> None:
    """After a certain failure the mail can be released again."""
    message_id, header = await catch(api), with_key(keys)
    postfix.fail("RCPT", "550 5.1.1 no such user")
    codes = [(await release(api, message_id, header)).json()["code"] for _ in range(2)]
    assert (codes, len(postfix.mails)) == (["recipient_refused", "accepted"], 1)


async def test_unknown_outcome_is_not_sent_again(
    api: Api, postfix: FakePostfix, keys: ApiKeys, caught: ApiLedger
) -> None:
    """A release that may have been accepted is not repeated before the mail log has its outcome."""
    message_id, header = await catch(api), with_key(keys)
    postfix.fail("CONTENT", DROP)
    codes = [(await release(api, message_id, header)).json()["code"] for _ in range(2)]
    assert (codes, postfix.mails) == (["outcome_unknown"] * 2, [])
    assert stored(caught, message_id).state is CaughtState.REQUESTED


async def test_simultaneous_releases(api: Api, postfix: FakePostfix, keys: ApiKeys) -> None:
    """Of two releases at the same time one sends."""
    message_id, header = await catch(api), with_key(keys)
    postfix.fail("CONTENT", HOLD)
    first = asyncio.create_task(release(api, message_id, header))
    await postfix.wait_for("DATA")
    second = await release(api, message_id, header)
    assert (second.status_code, second.json()["code"]) == (409, "request_in_flight")
    postfix.held.set()
    assert (await first).json() == (await release(api, message_id, header)).json()
    assert len(postfix.mails) == 1


@pytest.mark.usefixtures("short_interval")
async def test_release_by_command(api: Api, postfix: FakePostfix, caught: ApiLedger) -> None:
    """A mail whose release the command requested is sent within seconds, once."""
    message_id = await catch(api)
    caught.caught_mails.request(message_id)
    found = await until_state(caught, message_id, state=CaughtState.RELEASED)
    caught.caught_mails.request(message_id)
    assert stored(caught, message_id).state is CaughtState.RELEASED
    assert len(postfix.mails) == 1
    assert found.released_as == api.log("caught mail released")[0]["mail.message_id"]


@pytest.mark.usefixtures("short_interval")
async def test_failure_of_a_requested_release(start_api: StartApi, postfix: FakePostfix, caught: ApiLedger) -> None:
    """A release that cannot succeed ends with its code; one that needs room is tried again later."""
    api = await start_api(smtp_relay_daily_limit=2, quota_reserve=0)
    refused, waiting = await catch(api), await catch(api, to=["a@mydomain.test", "b@mydomain.test"])
    postfix.fail("RCPT", "550 5.1.1 no such user")
    caught.caught_mails.request(refused)
    await until_state(caught, refused, state=CaughtState.CAUGHT, code="recipient_refused")
    await api.send()
    caught.caught_mails.request(waiting)
    found = await until_state(caught, waiting, state=CaughtState.REQUESTED, code="quota_exhausted")
    assert found.next_attempt is not None
    assert found.next_attempt > found.caught + 50
    assert len(postfix.mails) == 1


@pytest.mark.usefixtures("short_interval")
async def test_crash_after_the_mail_was_sent(
    start_api: StartApi, postfix: FakePostfix, keys: ApiKeys, caught: ApiLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends between sending and storing it leaves a request, which the next one completes."""
    api = await start_api()
    message_id = await catch(api)

    def crash(*_: object) -> None:
        raise SystemError

    with monkeypatch.context() as patch:
        patch.setattr("mail_ledger.caught_mails.CaughtMails.released_write", crash)
        assert (await release(api, message_id, with_key(keys))).status_code == 500
    assert (len(postfix.mails), stored(caught, message_id).state) == (1, CaughtState.REQUESTED)
    caught.caught_mails.request(message_id)
    await until_state(caught, message_id, state=CaughtState.RELEASED)
    assert len(postfix.mails) == 1


async def test_release_needs_the_ledger(
    api: Api, postfix: FakePostfix, keys: ApiKeys, caught: ApiLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the release cannot be recorded, nothing is sent, unlike other mails, which are sent all the same."""
    message_id, header = await catch(api), with_key(keys)

    def fail(*_: object, **__: object) -> None:
        raise LedgerError("claim the idempotency key", "disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr("mail_ledger.idempotency.IdempotencyKeys.claim_write", fail)
        answer = await release(api, message_id, header)
    assert (answer.status_code, answer.json()["code"], postfix.mails) == (503, "ledger_unavailable", [])
    assert stored(caught, message_id).state is CaughtState.REQUESTED


async def test_recipients_are_checked_again(start_api: StartApi, postfix: FakePostfix, keys: ApiKeys) -> None:
    """A recipient that is not allowed any more gets no released mail."""
    message_id = await catch(await start_api(allowed_recipients="old@elsewhere.test"), to="old@elsewhere.test")
    answer = await release(await start_api(), message_id, with_key(keys))
    assert (answer.json()["code"], postfix.mails) == ("recipient_not_allowed", [])


@SHARED
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"subject": ""}, "could not be sent"),
        ({"to": "any@elsewhere.test"}, "could not be sent"),
        ({"body": "x" * LARGEST}, f"larger than {LARGEST} bytes"),
    ],
    ids=["invalid", "recipient", "large"],
)
async def test_not_kept(shared_api: Api, shared_caught: ApiLedger, fields: dict[str, object], reason: str) -> None:
    """What could not be sent anyway, or is large, is not kept; the caller cannot tell, and the log has the reason."""
    dropped = shared_api.count("mail_api_caught_mails_total", outcome="dropped")
    message_id = await catch(shared_api, **fields)
    assert shared_caught.caught_mails.get(message_id) is None
    assert reason in shared_api.log("mail not accepted")[0]["reason"]
    assert shared_api.count("mail_api_caught_mails_total", outcome="dropped") == dropped + 1


@SHARED
async def test_large_but_kept(shared_api: Api, shared_caught: ApiLedger) -> None:
    """A mail that is parsed in a thread, because of its file, is kept all the same."""
    large = {"name": "a.bin", "content": base64.b64encode(b"x" * 50_000).decode()}
    assert stored(shared_caught, await catch(shared_api, attachments=[large])).files == ("a.bin",)


@SHARED
async def test_keys_are_not_kept(
    shared_api: Api, shared_postfix: FakePostfix, shared_keys: ApiKeys, shared_caught: ApiLedger
) -> None:
    """A mail of a caller with an API key is answered in the same way and not kept."""
    answer = await shared_api.send(with_key(shared_keys), **KEPT)
    assert (answer.status_code, shared_postfix.mails, shared_caught.caught_mails.newest()) == (200, [], [])


async def test_keeping_is_off(start_api: StartApi, caught: ApiLedger) -> None:
    """With HONEYPOT_KEEP_DAYS=0 nothing is kept, and what was kept is deleted."""
    message_id = await catch(await start_api())
    assert stored(caught, message_id).state is CaughtState.CAUGHT
    api = await start_api(honeypot_keep_days=0)
    await asyncio.to_thread(until, "what was kept is deleted", lambda: not caught.caught_mails.newest())
    await catch(api)
    assert caught.caught_mails.newest() == []


@pytest.fixture
def broken(ledger_url: str) -> None:
    """A ledger whose file is none."""
    file = Path(ledger_url.removeprefix("sqlite:///"))
    file.write_bytes(b"not a database" * file.stat().st_size)


@pytest.mark.usefixtures("broken")
async def test_ledger_unavailable(api: Api, postfix: FakePostfix) -> None:
    """Without a ledger the bot reads the same answer."""
    await catch(api)
    assert "the ledger is unavailable" in api.log("mail not accepted")[0]["reason"]
    assert postfix.mails == []
