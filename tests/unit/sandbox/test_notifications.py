"""Receiver of Alertmanager's webhook notifications."""

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
    """Each alert of a notification is one entry, with its texts."""
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
    """The page shows the alerts escaped; without alerts it shows how to receive some."""
    assert "set /notifications as the webhook" in (await control.get("/")).text
    await control.post("/notifications", json=BODY)
    page = (await control.get("/")).text
    assert "<td>MailServerDown &lt;b&gt;" in page


async def test_alerts_are_deleted(control: httpx2.AsyncClient) -> None:
    """DELETE removes all alerts."""
    await control.post("/notifications", json=BODY)
    assert (await control.delete("/notifications")).status_code == 204
    assert (await control.get("/notifications")).json() == []


async def test_malformed_notification(control: httpx2.AsyncClient) -> None:
    """A body that is not a notification is rejected, and the error names the field."""
    answer = await control.post("/notifications", json={"alerts": []})
    assert (answer.status_code, "receiver" in answer.text) == (400, True)
