"""Requests that must not send: they are rejected, the error names the field or variable, and no mail is sent."""

import pytest

from tests.integration.stack import RECIPIENT, Json, Stack

GOOD = {"to": RECIPIENT, "subject": "refused", "body": "x"}


@pytest.mark.parametrize(
    ("payload", "status", "named"),
    [
        pytest.param(GOOD | {"subject": "a\r\nBcc: spy@evil.example"}, 400, "subject", id="CRLF in subject"),
        pytest.param(GOOD | {"subject": "a\nb"}, 400, "subject", id="LF in subject"),
        pytest.param(GOOD | {"to": f"{RECIPIENT}\r\nBcc: spy@evil.example"}, 400, "to", id="CRLF in to"),
        pytest.param(GOOD | {"to": f"{RECIPIENT}, spy@evil.example"}, 400, "to", id="two recipients in one"),
        pytest.param(GOOD | {"to": f"{RECIPIENT}> AUTH=<"}, 400, "to", id="ESMTP parameter in to"),
        pytest.param(GOOD | {"from": "a@b.example\r\nBcc: spy@evil.example"}, 400, "from", id="CRLF in from"),
        pytest.param(GOOD | {"to": "nobody"}, 400, "to", id="no address"),
        pytest.param({"to": RECIPIENT, "body": "x"}, 400, "subject", id="no subject"),
        pytest.param(GOOD | {"subject": 7}, 400, "subject", id="wrong type"),
        pytest.param(
            GOOD | {"to": "stranger@elsewhere.example"}, 403, "ALLOWED_RECIPIENTS", id="recipient not allowed"
        ),
        pytest.param(GOOD | {"body": "x" * 1_000_001}, 413, "", id="too large"),
    ],
)
def test_refused(stack: Stack, subject: str, payload: Json, status: int, named: str) -> None:
    """An invalid request is answered with the right status and an error that names the field, and no mail is sent."""
    before = stack.count_mails()
    response = stack.post(payload)
    assert response.status_code == status
    answer = response.json()
    assert answer["success"] is False
    assert named in answer["message"]
    # Mails are sent in the order of their arrival: an accepted one would be delivered before this one.
    stack.send(f"after {subject}")
    stack.received(f"after {subject}")
    assert stack.count_mails() == before + 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_wrong_method(stack: Stack, method: str) -> None:
    """Other methods than POST are answered 405 as JSON."""
    response = stack.http.request(method, stack.url(("mail-api", 20001), "/send"))
    assert response.status_code == 405
    assert response.json()["success"] is False


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        pytest.param("https://www.dinky.example", 200, id="own site"),
        pytest.param("https://evil.example", 403, id="foreign site"),
        pytest.param("null", 403, id="null"),
    ],
)
def test_origin(stack: Stack, origin: str, status: int) -> None:
    """A page of another site cannot send."""
    assert stack.post(GOOD | {"subject": f"origin {origin}"}, Origin=origin).status_code == status
