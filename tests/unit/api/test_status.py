"""Status of a mail by its id, and lists of mails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import null, update

from mail_ledger import Ledger
from mail_ledger.tables import submission
from mail_telemetry.causes import EXPLANATIONS, Cause
from tests.unit.api.conftest import SHARED
from tests.unit.ledger.fakes import NOW, Clock, MailServer

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from mail_ledger.api_keys import ApiKeys
    from tests.unit.api.conftest import Api, StartApi


@pytest.fixture
def mail_server(shared_ledger: Engine) -> MailServer:
    """Return a fake mail server that writes to the API's ledger."""
    return MailServer(Ledger(shared_ledger), Clock())


@pytest.fixture
def holder(shared_keys: ApiKeys) -> dict[str, str]:
    """Return the header of a caller with an API key."""
    return {"Authorization": f"Bearer {shared_keys.create('shop')}"}


async def status(api: Api, message_id: str) -> Any:  # noqa: ANN401 - JSON
    """Return the status of a mail without a key."""
    answer = await api.client.get(f"/messages/{message_id}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    return answer.json()


@SHARED
async def test_accepted(shared_api: Api, holder: dict[str, str]) -> None:
    """The id is enough to get the status; a mail that is not logged yet is `accepted`."""
    sent = (await shared_api.send(to="anna@mydomain.test", metadata={"form": "contact", "by": "b@x.test"})).json()
    assert sent["status_url"] == f"/messages/{sent['id']}"
    found = await status(shared_api, sent["id"])
    assert (found["state"], found["attempts"], found["key"]) == ("accepted", 0, None)
    assert [one["recipient"] for one in found["recipients"]] == ["a***@mydomain.test"]
    tags = (await shared_api.client.get(f"/messages/{sent['id']}", headers=holder)).json()["metadata"]
    assert (found["metadata"], tags) == ({}, {"form": "contact", "by": "b***@x.test"})
    assert len(found["trace_id"]) == 32


@SHARED
async def test_deferred(shared_api: Api, mail_server: MailServer) -> None:
    """A deferred mail has the cause, the relay's reply, the next retry and the next step."""
    sent = (await shared_api.send()).json()["id"]
    mail = mail_server.take(api_id=sent, arrived=NOW)
    mail_server.attempt(mail, status="deferred", cause=Cause.AUTH, dsn="4.7.8", reply="535 5.7.8 no", ended=NOW + 2)
    found = await status(shared_api, sent)
    assert (found["state"], found["attempts"], found["cause"], found["retry_can_succeed"]) == (
        "deferred",
        1,
        "auth",
        EXPLANATIONS[Cause.AUTH].retry_can_succeed,
    )
    assert found["next_step"] == EXPLANATIONS[Cause.AUTH].next_step
    assert found["recipients"][0]["reply"] == "535 5.7.8 no"
    assert found["next_retry"] == {"earliest": "2027-01-15T08:05:02.000Z", "latest": "2027-01-15T08:10:02.000Z"}


@SHARED
async def test_possible_duplicate(shared_api: Api, mail_server: MailServer, holder: dict[str, str]) -> None:
    """Mail and recipient show that a mail may have arrived twice, also after a success, alone and in the list."""
    sent = (await shared_api.send()).json()["id"]
    mail = mail_server.take(api_id=sent, arrived=NOW)
    text = "lost connection with r[192.0.2.1] while sending end of data -- message may be sent more than once"
    mail_server.attempt(mail, status="deferred", cause=Cause.CONNECT, dsn="4.4.2", reply=text, ended=NOW + 60)
    waiting = await status(shared_api, sent)
    mail_server.attempt(mail, number=2, ended=NOW + 400)
    mail_server.change(mail, closed=NOW + 400, recipients_finished=1)
    (listed,) = (await shared_api.client.get("/messages", headers=holder)).json()["messages"]
    for found, state in ((waiting, "deferred"), (await status(shared_api, sent), "relayed"), (listed, "relayed")):
        assert (found["state"], found["possible_duplicate"]) == (state, True)
        assert [one["possible_duplicate"] for one in found["recipients"]] == [True]


@SHARED
async def test_next_step_of_own_rules(start_shared: StartApi, mail_server: MailServer, tmp_path: Path) -> None:
    """The next step of a rule in CAUSE_RULES_FILE is shown."""
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[[rules]]\nname = "ours"\ncause = "quota"\ntext = "fair use"\nnext_step = "Wait until midnight."\n'
    )
    api = await start_shared(cause_rules_file=rules)
    sent = (await api.send()).json()["id"]
    mail = mail_server.take(api_id=sent, arrived=NOW)
    reply = "host r[192.0.2.1] said: 450 Fair use limit (in reply to MAIL FROM command)"
    mail_server.attempt(mail, status="deferred", cause=Cause.QUOTA, dsn="4.0.0", reply=reply)
    assert (await status(api, sent))["next_step"] == "Wait until midnight."


async def test_invalid_own_rules(start_api: StartApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The API stops at its start; the line names the variable, the rule and the field."""
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rules]]\nname = "ours"\ncause = "nonsense"\ntext = "a"\n')
    with pytest.raises(SystemExit):
        await start_api(cause_rules_file=rules)
    assert f"CAUSE_RULES_FILE: {rules}: rule 1 (ours): cause 'nonsense'" in capsys.readouterr().err


@SHARED
async def test_relayed(start_shared: StartApi, mail_server: MailServer, holder: dict[str, str]) -> None:
    """A relayed mail has the relay's reply, and, with a key, the link to its trace if one is configured."""
    api = await start_shared(trace_url_template="https://grafana.test/trace/{trace_id}")
    sent = (await api.send()).json()["id"]
    mail_server.relay(api_id=sent)
    found, own = await status(api, sent), (await api.client.get(f"/messages/{sent}", headers=holder)).json()
    assert (found["state"], found["recipients"][0]["reply"]) == ("relayed", "250 2.0.0 OK")
    assert own["trace_url"] == f"https://grafana.test/trace/{found['trace_id']}"
    assert found["trace_url"] is None


@SHARED
@pytest.mark.parametrize("path", ["/messages/msg_x", "/messages/msg_00000000000000000000000000", "/messages/%00"])
async def test_unknown(shared_api: Api, path: str) -> None:
    """An unknown id is answered 404 in the usual form."""
    answer = await shared_api.client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@SHARED
async def test_list(shared_api: Api, holder: dict[str, str]) -> None:
    """Lists are newest first, in pages, and for callers with a key only."""
    sent = [(await shared_api.send()).json()["id"] for _ in range(3)]
    assert (await shared_api.client.get("/messages")).status_code == 401
    first = (await shared_api.client.get("/messages", params={"limit": 2}, headers=holder)).json()
    rest = (await shared_api.client.get("/messages", params={"cursor": first["next"]}, headers=holder)).json()
    assert [one["id"] for one in first["messages"] + rest["messages"]] == sent[::-1]
    assert rest["next"] is None


@SHARED
async def test_filters(shared_api: Api, holder: dict[str, str]) -> None:
    """Lists can be filtered by state, key and time."""
    await shared_api.send()
    own = (await shared_api.send(holder)).json()["id"]

    async def found(**parameters: str) -> list[str]:
        answer = await shared_api.client.get("/messages", params=parameters, headers=holder)
        return [one["id"] for one in answer.json()["messages"]]

    assert await found(key="shop", state="accepted", since="2020-01-01T00:00:00Z") == [own]
    assert await found(state="bounced") == await found(since="2096-01-01T00:00:00+01:00") == []


@SHARED
@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"state": "lost"}, "state"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"key": "\0"}, "key"),
        ({"since": "yesterday"}, "since"),
        ({"since": "1800000000"}, "since"),
        ({"since": "1.8e-308"}, "since"),
        ({"since": "2026-11-22T09:30:00"}, "since"),
        ({"cursor": "x"}, "cursor"),
        ({"page": "2"}, "page"),
    ],
    ids=str,
)
async def test_bad_parameters(shared_api: Api, holder: dict[str, str], parameters: dict[str, str], field: str) -> None:
    """The error for an invalid parameter names it."""
    answer = await shared_api.client.get("/messages", params=parameters, headers=holder)
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {field})


@SHARED
async def test_whole_addresses(start_shared: StartApi, mail_server: MailServer, holder: dict[str, str]) -> None:
    """With LEDGER_ADDRESSES=full the full addresses are returned with a key, and none without."""
    api = await start_shared(ledger_addresses="full")
    sent = (await api.send(holder, to="anna@example.com")).json()["id"]
    for _ in range(2):
        found = (await api.client.get(f"/messages/{sent}", headers=holder)).json()
        assert [one["recipient"] for one in found["recipients"]] == ["anna@example.com"]
        assert [one["recipient"] for one in (await status(api, sent))["recipients"]] == ["***"]
        mail_server.relay(api_id=sent)


@SHARED
async def test_hidden_recipients(shared_api: Api, holder: dict[str, str]) -> None:
    """Without a key neither recipients nor tags are returned, since the id is in the Message-ID that recipients see."""
    sent = (await shared_api.send(holder, bcc="boss@example.com", metadata={"list": "vip"})).json()["id"]
    without_key, own = (
        await status(shared_api, sent),
        (await shared_api.client.get(f"/messages/{sent}", headers=holder)).json(),
    )
    assert [one["recipient"] for one in without_key["recipients"]] == ["***"]
    assert (without_key["metadata"], without_key["key"]) == ({}, None)
    assert [one["recipient"] for one in own["recipients"]] == ["h***@mydomain.test", "b***@example.com"]
    assert (own["metadata"], own["key"]) == ({"list": "vip"}, "shop")


@SHARED
async def test_hidden_recipients_without_a_key(
    start_shared: StartApi, mail_server: MailServer, holder: dict[str, str]
) -> None:
    """Recipients of bcc are hidden without a key, also for mails sent without one, before and after delivery."""
    api = await start_shared(allowed_recipients="mydomain.test")
    sent = (await api.send(to="anna@mydomain.test", cc="carl@mydomain.test", bcc="boss@mydomain.test")).json()["id"]
    for _ in range(2):
        found, own = await status(api, sent), (await api.client.get(f"/messages/{sent}", headers=holder)).json()
        assert [one["recipient"] for one in found["recipients"]] == ["a***@mydomain.test", "c***@mydomain.test"]
        assert len(own["recipients"]) == 3
        mail = mail_server.take(api_id=sent, recipient_count=3)
        for address in ("anna", "boss", "carl"):
            mail_server.attempt(mail, recipient=f"{address[0]}***@mydomain.test")


@SHARED
async def test_failure_of_a_hidden_recipient(
    start_shared: StartApi, mail_server: MailServer, holder: dict[str, str]
) -> None:
    """Without an API key, state and cause of a mail are those of its visible recipients."""
    api = await start_shared(allowed_recipients="mydomain.test")
    sent = (await api.send(to="anna@mydomain.test", bcc="boss@mydomain.test")).json()["id"]
    mail = mail_server.take(api_id=sent, recipient_count=2)
    mail_server.attempt(mail, recipient="a***@mydomain.test")
    mail_server.attempt(mail, recipient="b***@mydomain.test", status="deferred", cause="auth", reply="535 5.7.8 no")
    found, own = await status(api, sent), (await api.client.get(f"/messages/{sent}", headers=holder)).json()
    assert (own["state"], own["cause"], own["finished"]) == ("deferred", "auth", None)
    assert (found["state"], found["cause"], found["attempts"], found["next_retry"]) == ("relayed", None, 1, None)
    assert found["finished"] == found["recipients"][0]["at"]


@SHARED
async def test_hidden_recipient_that_looks_the_same(start_shared: StartApi, mail_server: MailServer) -> None:
    """If a hidden and a visible recipient have the same masked address, neither is returned."""
    api = await start_shared(allowed_recipients="mydomain.test")
    sent = (await api.send(to=["anna@mydomain.test", "carl@mydomain.test"], bcc="adam@mydomain.test")).json()["id"]
    mail = mail_server.take(api_id=sent, recipient_count=3)
    for recipient in ("a***@mydomain.test", "a***@mydomain.test", "c***@mydomain.test"):
        mail_server.attempt(mail, recipient=recipient)
    assert [one["recipient"] for one in (await status(api, sent))["recipients"]] == ["c***@mydomain.test"]


@SHARED
async def test_recipient_that_is_visible_too(shared_api: Api) -> None:
    """An address that is in both to and bcc is not hidden."""
    sent = (await shared_api.send(to="anna@mydomain.test", bcc="anna@mydomain.test")).json()["id"]
    assert [one["recipient"] for one in (await status(shared_api, sent))["recipients"]] == ["a***@mydomain.test"]


@SHARED
async def test_mail_of_an_older_version(shared_api: Api, shared_ledger: Engine) -> None:
    """For a mail whose bcc is not recorded, no address is returned without a key."""
    sent = (await shared_api.send()).json()["id"]
    with shared_ledger.begin() as connection:
        connection.execute(update(submission).values(hidden=null()))
    assert [one["recipient"] for one in (await status(shared_api, sent))["recipients"]] == ["***"]
