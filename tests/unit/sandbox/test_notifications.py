"""Alertmanager's webhook."""

import httpx2

BODY = {
    "version": "4",
    "receiver": "mail",
    "status": "firing",
    "alerts": [
        {
            "status": status,
            "labels": {"alertname": name, "severity": "critical"},
            "annotations": {"summary": f"{name} <b>", "description": "Words."},
            "startsAt": "2026-11-22T13:40:01Z",
        }
        for name, status in (("MailServerDown", "firing"), ("MailApiDown", "resolved"))
    ],
}


async def test_alerts_are_kept(control: httpx2.AsyncClient) -> None:
    """Each alert of a call is one entry, with the text of the notification."""
    assert (await control.post("/notifications", json=BODY)).status_code == 204
    assert (await control.get("/notifications", params={"name": "MailServerDown"})).json() == [
        {
            "received_at": "2025-11-22T08:26:40.000Z",
            "receiver": "mail",
            "status": "firing",
            "name": "MailServerDown",
            "severity": "critical",
            "summary": "MailServerDown <b>",
            "description": "Words.",
            "labels": {"alertname": "MailServerDown", "severity": "critical"},
            "annotations": {"summary": "MailServerDown <b>", "description": "Words."},
        }
    ]
    names = [one["name"] for one in (await control.get("/notifications")).json()]
    assert names == ["MailServerDown", "MailApiDown"]


async def test_alerts_are_on_the_page(control: httpx2.AsyncClient) -> None:
    """The page shows notifications, escaped; without any, it shows how to get some."""
    assert "set /notifications as the webhook" in (await control.get("/")).text
    await control.post("/notifications", json=BODY)
    page = (await control.get("/")).text
    assert "<td>MailServerDown &lt;b&gt;" in page


async def test_alerts_are_deleted(control: httpx2.AsyncClient) -> None:
    """DELETE removes all notifications."""
    await control.post("/notifications", json=BODY)
    assert (await control.delete("/notifications")).status_code == 204
    assert (await control.get("/notifications")).json() == []


async def test_something_else(control: httpx2.AsyncClient) -> None:
    """An invalid notification is answered 400, with the name of the field."""
    answer = await control.post("/notifications", json={"alerts": []})
    assert (answer.status_code, "receiver" in answer.text) == (400, True)
