"""Captcha tokens of callers without an API key."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from mail_api.captcha import HCAPTCHA, TURNSTILE, Provider
from tests.unit.api.conftest import SHARED
from tests.unit.api.siteverify import CLOSE, HANG, SiteVerifyServer, failure, http_answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mail_ledger.api_keys import ApiKeys
    from tests.unit.api.conftest import Api, StartApi
    from tests.unit.api.fake_postfix import FakePostfix

ONCE = {"Idempotency-Key": "order-17"}


@pytest.fixture
async def provider() -> AsyncIterator[SiteVerifyServer]:
    """A captcha provider that accepts each token once."""
    server = SiteVerifyServer()
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_provider() -> AsyncIterator[SiteVerifyServer]:
    """Return the captcha provider of the shared APIs."""
    server = SiteVerifyServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def shared_provider(module_provider: SiteVerifyServer) -> SiteVerifyServer:
    """Return the captcha provider of the shared APIs, which has seen no token so far in this test."""
    module_provider.reset()
    return module_provider


async def start(start_api: StartApi, provider: SiteVerifyServer, **changed: object) -> Api:
    """Start an API that asks this provider as Turnstile."""
    settings = {"turnstile_secret": "s3cret", "turnstile_url": provider.url, "captcha_timeout_seconds": 0.5}
    return await start_api(**(settings | changed))


def token(value: object = "token", provider: Provider = TURNSTILE) -> dict[str, Any]:
    """Return the field in which a widget puts its token."""
    return {provider.field: value}


def verifications(api: Api, result: str, provider: str = "turnstile") -> float:
    """Return the number of verifications with this result."""
    found = api.metric("mail_api_captcha_verifications_total", provider=provider, result=result)
    assert found is not None
    return found


async def test_valid_token(start_api: StartApi, provider: SiteVerifyServer, postfix: FakePostfix) -> None:
    """A request with a valid token is sent; the provider gets the secret and the token, and nothing else."""
    api = await start(start_api, provider)
    assert (await api.send(**token())).status_code == 200
    assert provider.asked == [{"secret": "s3cret", "response": "token"}]
    assert (len(postfix.mails), verifications(api, "passed"), verifications(api, "failed")) == (1, 1, 0)


async def test_secret_file_and_hcaptcha(
    start_api: StartApi, provider: SiteVerifyServer, postfix: FakePostfix, tmp_path: Path
) -> None:
    """The secret can stand in a file, in which invisible characters around it do not count."""
    (tmp_path / "secret").write_text("\ufeffES_s3cret\u00a0\r\n", "utf-8")
    api = await start_api(hcaptcha_secret_file=str(tmp_path / "secret"), hcaptcha_url=provider.url)
    assert (await api.send(**token(provider=HCAPTCHA))).status_code == 200
    assert provider.asked == [{"secret": "ES_s3cret", "response": "token"}]
    assert (len(postfix.mails), verifications(api, "passed", "hcaptcha")) == (1, 1)


@SHARED
@pytest.mark.parametrize("value", [..., "", "  ", None, ["token"], {"a": 1}, 7], ids=str)
async def test_missing_token(
    start_shared: StartApi, shared_provider: SiteVerifyServer, shared_postfix: FakePostfix, value: object
) -> None:
    """Without a token the answer names the field, and the provider is not asked."""
    api = await start(start_shared, shared_provider)
    missing = api.count("mail_api_messages_total", result="captcha_missing")
    answer = await api.send(**token(value))
    assert (answer.status_code, answer.json()["code"]) == (403, "captcha_missing")
    assert set(answer.json()["errors"]) == {"cf-turnstile-response"}
    assert (shared_provider.asked, shared_postfix.mails) == ([], [])
    assert api.count("mail_api_messages_total", result="captcha_missing") == missing + 1


async def test_duplicate_token(start_api: StartApi, provider: SiteVerifyServer, postfix: FakePostfix) -> None:
    """A token is valid for one request."""
    api = await start(start_api, provider)
    codes = [(await api.send(subject=subject, **token())).json()["code"] for subject in ("one", "two")]
    assert (codes, len(postfix.mails)) == (["accepted", "captcha_failed"], 1)
    assert (verifications(api, "passed"), verifications(api, "failed")) == (1, 1)


@SHARED
@pytest.mark.parametrize("value", ["forged", "x" * 20_000], ids=["forged", "long"])
async def test_forged_token(
    start_shared: StartApi, shared_provider: SiteVerifyServer, shared_postfix: FakePostfix, value: str
) -> None:
    """A token that the provider does not know is rejected; one that is too long is not even asked about."""
    api = await start(start_shared, shared_provider)
    shared_provider.script.append(failure("invalid-input-response"))
    answer = await api.send(**token(value))
    assert (answer.status_code, answer.json()["code"], shared_postfix.mails) == (403, "captcha_failed", [])
    assert len(shared_provider.asked) == (value == "forged")


@SHARED
@pytest.mark.parametrize(
    ("hostname", "status"),
    [
        ("mydomain.test", 200),
        ("WWW.MyDomain.test", 200),
        ("localhost", 200),
        ("evil.test", 403),
        ("mydomain.test.evil.test", 403),
        ("notmydomain.test", 403),
        ("", 403),
    ],
)
async def test_hostname(
    start_shared: StartApi, shared_provider: SiteVerifyServer, shared_postfix: FakePostfix, hostname: str, status: int
) -> None:
    """The page on which the captcha was solved is of a site of ALLOWED_HOSTS."""
    api = await start(
        start_shared, shared_provider, allowed_hosts="mydomain.test,*.mydomain.test,http://localhost:3000"
    )
    failed = verifications(api, "failed")
    shared_provider.hostname = hostname
    answer = await api.send(**token())
    assert (answer.status_code, len(shared_postfix.mails)) == (status, status == 200)
    if status == 403:
        assert (answer.json()["code"], verifications(api, "failed")) == ("captcha_failed", failed + 1)


UNAVAILABLE = [
    pytest.param(HANG, "no answer in time", id="time-out"),
    pytest.param(CLOSE, "RemoteProtocolError", id="closed"),
    pytest.param(http_answer(500, b"oops"), "HTTP status 500", id="500"),
    pytest.param(http_answer(502, {"success": True, "hostname": "mydomain.test"}), "HTTP status 502", id="502"),
    pytest.param(http_answer(200, b"<html>"), "not the JSON of siteverify", id="garbage"),
    pytest.param(http_answer(200, b"[" * 60_000), "not the JSON of siteverify", id="nested"),
    pytest.param(http_answer(200, ["success"]), "not the JSON of siteverify", id="list"),
    pytest.param(http_answer(200, {"success": "true"}), "not the JSON of siteverify", id="no flag"),
    pytest.param(http_answer(200, b" " * 70_000), "too long", id="long"),
    pytest.param(http_answer(302, b""), "HTTP status 302", id="redirect"),
    pytest.param(failure("invalid-input-secret"), "error code invalid-input-secret", id="secret"),
    pytest.param(failure("sitekey-secret-mismatch"), "error code sitekey-secret-mismatch", id="other site key"),
    pytest.param(failure("internal-error"), "error code internal-error", id="internal error"),
    pytest.param(http_answer(200, {"success": False, "error-codes": 7}), "error code ?", id="codes"),
]


@pytest.mark.slow
@SHARED
@pytest.mark.parametrize(("answer", "reason"), UNAVAILABLE)
async def test_fail_closed(
    start_shared: StartApi, shared_provider: SiteVerifyServer, shared_postfix: FakePostfix, answer: bytes, reason: str
) -> None:
    """While the provider returns no verdict, nothing is sent, and the log has the reason once."""
    api = await start(start_shared, shared_provider)
    unavailable = verifications(api, "unavailable")
    shared_provider.script += [answer, answer]
    for value in ("one", "two"):
        said = await api.send(**token(value))
        assert (said.status_code, said.json()["code"], said.headers["Retry-After"]) == (
            503,
            "captcha_unavailable",
            "30",
        )
    (line,) = api.log("captcha cannot be verified; requests without an API key are answered 503")
    assert (line["provider"], reason in line["reason"]) == ("turnstile", True)
    assert (shared_postfix.mails, verifications(api, "unavailable")) == ([], unavailable + 2)
    assert "s3cret" not in api.output.getvalue()
    assert (await api.send(**token("three"))).status_code == 200
    assert len(api.log("captcha can be verified again")) == 1


@SHARED
@pytest.mark.parametrize(("answer", "reason"), UNAVAILABLE)
async def test_fail_open(
    start_shared: StartApi, shared_provider: SiteVerifyServer, shared_postfix: FakePostfix, answer: bytes, reason: str
) -> None:
    """With CAPTCHA_FAIL_OPEN mails are sent meanwhile; a token that is not valid is still rejected."""
    api = await start(start_shared, shared_provider, captcha_fail_open=True)
    shared_provider.script += [answer, failure("invalid-input-response")]
    codes = [(await api.send(**token(value))).json()["code"] for value in ("one", "two")]
    assert (codes, len(shared_postfix.mails)) == (["accepted", "captcha_failed"], 1)
    (line,) = api.log("captcha cannot be verified; mails are sent without it")
    assert reason in line["reason"]


async def test_provider_is_away(start_api: StartApi, postfix: FakePostfix) -> None:
    """A refused connection is the same."""
    api = await start_api(turnstile_secret="s", turnstile_url="http://127.0.0.1:1/")
    assert ((await api.send(**token())).json()["code"], postfix.mails) == ("captcha_unavailable", [])


async def test_repetition_is_not_verified_again(
    start_api: StartApi, provider: SiteVerifyServer, postfix: FakePostfix
) -> None:
    """A repetition with the used token gets the first answer, from another process too, which remembers nothing."""
    first, second = await start(start_api, provider), await start(start_api, provider)
    answers = [await api.send(ONCE, **token()) for api in (first, first, second)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (len(postfix.mails), len(provider.asked)) == (1, 1)


async def test_other_content_is_verified(start_api: StartApi, provider: SiteVerifyServer, postfix: FakePostfix) -> None:
    """The same key with another mail is no repetition."""
    api = await start(start_api, provider)
    await api.send(ONCE, **token())
    assert (await api.send(ONCE, body="Ho", **token())).json()["code"] == "captcha_failed"
    assert (await api.send(ONCE, body="Ho", **token("new"))).json()["code"] == "idempotency_conflict"
    assert len(postfix.mails) == 1


async def test_repetition_after_a_failure(
    start_api: StartApi, provider: SiteVerifyServer, postfix: FakePostfix
) -> None:
    """A mail that failed after its token was used can be repeated under its key with the same token."""
    api = await start(start_api, provider)
    postfix.fail("CONTENT", "452 4.3.1 no space")
    assert [(await api.send(ONCE, **token())).status_code for _ in range(2)] == [503, 200]
    assert (len(postfix.mails), len(provider.asked)) == (1, 1)


async def test_repetition_during_the_verification(
    start_api: StartApi, provider: SiteVerifyServer, postfix: FakePostfix
) -> None:
    """A repetition that comes while the first request's token is being verified waits for that verification."""
    api = await start(start_api, provider, captcha_timeout_seconds=5)
    provider.held.clear()
    first = asyncio.create_task(api.send(ONCE, **token()))
    await provider.arrived.wait()
    second = asyncio.create_task(api.send(ONCE, **token()))
    await asyncio.sleep(0)
    provider.held.set()
    codes = sorted([(await first).json()["code"], (await second).json()["code"]])
    assert codes in (["accepted", "accepted"], ["accepted", "request_in_flight"])
    assert (len(postfix.mails), len(provider.asked)) == (1, 1)


async def test_failed_verification_is_not_remembered(
    start_api: StartApi, provider: SiteVerifyServer, postfix: FakePostfix
) -> None:
    """After a failure the same request can be repeated."""
    api = await start(start_api, provider)
    provider.script.append(http_answer(500, b""))
    assert [(await api.send(ONCE, **token())).status_code for _ in range(2)] == [503, 200]
    assert len(postfix.mails) == 1


@SHARED
async def test_key_needs_no_token(
    start_shared: StartApi, shared_provider: SiteVerifyServer, shared_postfix: FakePostfix, shared_keys: ApiKeys
) -> None:
    """A caller with an API key is not asked for a token."""
    api = await start(start_shared, shared_provider)
    answer = await api.send({"Authorization": f"Bearer {shared_keys.create('shop')}"}, to="any@elsewhere.test")
    assert (answer.status_code, shared_provider.asked, len(shared_postfix.mails)) == (200, [], 1)


async def test_rate_limit_comes_first(start_api: StartApi, provider: SiteVerifyServer) -> None:
    """The provider is not asked for a client that has reached its limit."""
    api = await start(start_api, provider, rate_limit="1/day")
    codes = [(await api.send(**token(value))).json()["code"] for value in ("one", "two")]
    assert (codes, len(provider.asked)) == (["accepted", "rate_limited"], 1)


async def test_form_with_both(start_api: StartApi, provider: SiteVerifyServer, postfix: FakePostfix) -> None:
    """With both providers the token of one is enough, and an error names both fields."""
    api = await start(start_api, provider, hcaptcha_secret="h", hcaptcha_url=provider.url)
    assert set((await api.send()).json()["errors"]) == {TURNSTILE.field, HCAPTCHA.field}
    assert (await api.send(**token(provider=HCAPTCHA))).status_code == 200
    assert (provider.asked[0]["secret"], len(postfix.mails)) == ("h", 1)
