"""Rights and limits of API keys."""

from __future__ import annotations

from email import message_from_bytes
from typing import TYPE_CHECKING

import pytest

from mail_ledger.api_keys import ApiKey, ApiKeys
from mail_ledger.key_limits import KeyLimits
from mail_telemetry.metrics.api import PATHS_WITH_KEYS
from tests.unit.api.conftest import SHARED

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api, StartApi
    from tests.unit.api.fake_postfix import FakePostfix

UNKNOWN_KEY = f"Bearer dm_{'0' * 8}_{'0' * 32}"
OTHER_RECIPIENT = "anybody@elsewhere.test"


def bearer(key: str) -> dict[str, str]:
    """Return the header with the key."""
    return {"Authorization": f"Bearer {key}"}


@SHARED
async def test_any_recipient(shared_api: Api, shared_postfix: FakePostfix, shared_keys: ApiKeys) -> None:
    """With a key any recipient is allowed from anywhere; without it not."""
    assert (await shared_api.send(to=OTHER_RECIPIENT)).status_code == 403
    answer = await shared_api.send(
        {**bearer(shared_keys.create("shop")), "Origin": "https://elsewhere.test"}, to=OTHER_RECIPIENT
    )
    assert (answer.status_code, shared_postfix.mails[0].recipients) == (200, [OTHER_RECIPIENT])


@SHARED
@pytest.mark.parametrize(
    "value", [f"Bearer dm_{'0' * 8}_{'0' * 32}", "Bearer", "Digest a", "", "Bearer x y", "dm_x"], ids=ascii
)
async def test_bad_key(shared_api: Api, shared_postfix: FakePostfix, value: str) -> None:
    """An invalid key is rejected, not treated as no key."""
    answer = await shared_api.send({"Authorization": value})
    assert (answer.status_code, answer.json()["code"], shared_postfix.mails) == (401, "key_invalid", [])
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@SHARED
async def test_login_of_the_site(shared_api: Api) -> None:
    """Basic credentials, which a browser sends for a password-protected site, are not an API key."""
    assert (await shared_api.send({"Authorization": "Basic YTpi"})).status_code == 200


@pytest.mark.parametrize("route", PATHS_WITH_KEYS)
async def test_guessing_is_limited(start_api: StartApi, route: str) -> None:
    """Requests with invalid keys are counted by path, and limited by client address."""
    api = await start_api(rate_limit="2/hour")
    method = "POST" if route.endswith(("/send", "/release")) else "GET"
    path = route.format(message_id=f"msg_{'0' * 26}")
    statuses = [
        (await api.client.request(method, path, headers={"Authorization": UNKNOWN_KEY})).status_code for _ in range(4)
    ]
    assert statuses == [401, 401, 429, 429]
    assert api.metric("mail_api_invalid_keys_total", path=route) == 4


async def test_international_sender(api: Api, postfix: FakePostfix, keys: ApiKeys) -> None:
    """A key's sender with a non-ASCII local part needs SMTPUTF8, whatever the recipients."""
    holder = bearer(keys.create("shop", allowed_senders=("x.test",)))
    postfix.fail("EHLO", "250-fake\r\n250-8BITMIME\r\n250 SMTPUTF8")
    assert (await api.send(holder, from_="é@x.test")).status_code == 200
    assert postfix.commands[1] == "MAIL FROM:<é@x.test> SMTPUTF8"
    assert b"From: \xc3\xa9@x.test" in postfix.mails[0].content


async def test_no_key_is_not_counted(api: Api) -> None:
    """A request without a key, where one is required, does not count as guessing."""
    assert (await api.client.get("/quota")).status_code == 401
    assert api.metric("mail_api_invalid_keys_total", path="/quota") == 0


@SHARED
async def test_trace_context_with_a_key(shared_api: Api, shared_postfix: FakePostfix, shared_keys: ApiKeys) -> None:
    """The trace context of a caller with a valid key is continued, with an invalid key not."""
    trace = {"traceparent": f"00-{'4' * 32}-{'5' * 16}-01"}
    await shared_api.send({**bearer(shared_keys.create("shop")), **trace})
    await shared_api.send({"Authorization": UNKNOWN_KEY, **trace})
    assert (shared_postfix.mails[0].trace or "").startswith(f"00-{'4' * 32}-")
    requests = [span for span in shared_api.spans() if span.name == "POST /send"]
    assert [span.parent is not None for span in requests] == [True, False]


@SHARED
async def test_looked_up_once(shared_api: Api, shared_keys: ApiKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is looked up once for each request, also if the trace context depends on it."""
    looked_up: list[str] = []
    verify, key = ApiKeys.verify, shared_keys.create("shop")

    def recording(ledger: ApiKeys, plain: str) -> ApiKey | None:
        looked_up.append(plain)
        return verify(ledger, plain)

    monkeypatch.setattr(ApiKeys, "verify", recording)
    trace = {"traceparent": f"00-{'4' * 32}-{'5' * 16}-01"}
    assert (await shared_api.send({**bearer(key), **trace})).status_code == 200
    assert (await shared_api.client.get("/quota", headers={**bearer(key), **trace})).status_code == 200
    assert looked_up == [key, key]


@SHARED
async def test_revoked_at_once(shared_api: Api, shared_keys: ApiKeys) -> None:
    """A revoked key is invalid at once."""
    key = shared_keys.create("shop")
    assert (await shared_api.send(bearer(key))).status_code == 200
    shared_keys.revoke("shop")
    assert (await shared_api.send(bearer(key))).status_code == 401


async def test_requests_per_minute(api: Api, keys: ApiKeys) -> None:
    """A key's rate limit is enforced, with Retry-After."""
    key = keys.create("shop", limits=KeyLimits(recipients_per_day=None, requests_per_minute=2))
    answers = [await api.send(bearer(key)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60


@SHARED
async def test_reading_counts_too(shared_api: Api, shared_keys: ApiKeys) -> None:
    """A key's rate limit counts all requests, and a key that only reads is recorded as used."""
    key = shared_keys.create("dashboard", limits=KeyLimits(recipients_per_day=None, requests_per_minute=1))
    codes = [(await shared_api.client.get(path, headers=bearer(key))).status_code for path in ("/messages", "/quota")]
    assert codes == [200, 429]
    assert shared_keys.list()[0].last_used is not None


async def test_wrong_keys_use_up_the_rate_limit(start_api: StartApi) -> None:
    """Requests with wrong keys use up RATE_LIMIT like requests without a key."""
    api = await start_api(rate_limit="2/minute")
    assert [(await api.send({"Authorization": UNKNOWN_KEY})).status_code for _ in range(3)] == [401, 401, 429]


@SHARED
async def test_recipients_per_day(shared_api: Api, shared_postfix: FakePostfix, shared_keys: ApiKeys) -> None:
    """A key's daily limit counts recipients, and the error has the time when there is room again."""
    key = shared_keys.create("shop", limits=KeyLimits(recipients_per_day=3, requests_per_minute=None))
    assert (await shared_api.send(bearer(key), to=["a@x.test", "b@x.test"])).status_code == 200
    answer = await shared_api.send(bearer(key), to=["c@x.test", "d@x.test"])
    assert (answer.status_code, answer.json()["code"], len(shared_postfix.mails)) == (429, "key_limit_reached", 1)
    assert int(answer.headers["Retry-After"]) == pytest.approx(86_400, abs=5)


async def test_no_rate_limit_by_address(start_api: StartApi, keys: ApiKeys) -> None:
    """RATE_LIMIT does not apply to callers with a key."""
    api = await start_api(rate_limit="1/minute")
    assert [(await api.send(bearer(keys.create("shop")))).status_code] + [
        (await api.send()).status_code for _ in range(2)
    ] == [200, 200, 429]


@SHARED
async def test_sender(shared_api: Api, shared_postfix: FakePostfix, shared_keys: ApiKeys) -> None:
    """A key with senders can choose From among them, also for the envelope."""
    key = shared_keys.create("shop", allowed_senders=["shop.test"])
    answer = await shared_api.send(bearer(key), from_="Shop <orders@shop.test>", reply_to="anna@x.test")
    (mail,) = shared_postfix.mails
    headers = message_from_bytes(mail.content)
    assert (answer.status_code, mail.sender) == (200, "orders@shop.test")
    assert (headers["From"], headers["Reply-To"]) == ("Shop <orders@shop.test>", "anna@x.test")


@SHARED
async def test_foreign_sender(shared_api: Api, shared_postfix: FakePostfix, shared_keys: ApiKeys) -> None:
    """A sender that the key does not have is rejected."""
    answer = await shared_api.send(
        bearer(shared_keys.create("shop", allowed_senders=["shop.test"])), from_="boss@bank.test"
    )
    assert (answer.status_code, answer.json()["code"], shared_postfix.mails) == (403, "sender_not_allowed", [])


@SHARED
async def test_key_without_senders(shared_api: Api, shared_postfix: FakePostfix, shared_keys: ApiKeys) -> None:
    """Mails of a key without senders come from DEFAULT_FROM."""
    await shared_api.send(bearer(shared_keys.create("shop")), from_="anna@x.test")
    headers = message_from_bytes(shared_postfix.mails[0].content)
    assert (headers["From"], headers["Reply-To"]) == ("noreply@mydomain.test", "anna@x.test")


async def test_reasons_of_readiness(api: Api, postfix: FakePostfix, keys: ApiKeys) -> None:
    """With a key /ready has the reasons, without one only the state."""
    await postfix.stop()
    assert (await api.client.get("/ready")).json() == {"status": "not ready"}
    shown = (await api.client.get("/ready", headers=bearer(keys.create("shop")))).json()
    assert set(shown["reasons"]) == {"mail_server"}
