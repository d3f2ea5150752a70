"""The table of errors and their answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mail_api import errors
from mail_api.error_codes import ANSWERS, ROUTING, Answer, Code, answer_to
from mail_api.errors import ApiError

ABSTRACT = {errors.Refused, errors.FieldsRefused}


def situations(base: type[ApiError] = ApiError) -> Iterator[type[ApiError]]:
    """Return every error class that can be raised."""
    for kind in base.__subclasses__():
        if kind not in ABSTRACT:
            yield kind
        yield from situations(kind)


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.__name__) for kind in situations()])
def test_every_error_has_an_answer(kind: type[ApiError]) -> None:
    """Every error class has an answer."""
    assert kind in ANSWERS


def test_every_code_is_used() -> None:
    """Only the codes of success, internal error and interruption have no error class or routing error."""
    unused = set(Code) - {answer.code for answer in ANSWERS.values()} - {*ROUTING.values()}
    assert unused == {Code.ACCEPTED, Code.REPLAYED, Code.INTERNAL_ERROR, Code.INTERRUPTED}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=lambda answer: str(answer.code))
def test_statuses(answer: Answer) -> None:
    """Statuses are documented ones, and only 409 and 503 have a fixed Retry-After."""
    assert answer.status in {200, 202, 400, 401, 403, 404, 408, 409, 413, 415, 429, 503}
    assert answer.retry_after is None or answer.status in {409, 503}


@pytest.mark.parametrize("code", Code)
def test_documented(code: Code) -> None:
    """The API reference documents every code."""
    page = Path(__file__).parents[3] / "docs" / "api-reference.md"
    assert f"`{code}`" in page.read_text(encoding="utf-8")


def test_anything_else_is_internal() -> None:
    """Any other exception is an internal error."""
    assert answer_to(RuntimeError("x")).code is Code.INTERNAL_ERROR


def test_replies_are_masked() -> None:
    """Addresses in a server's reply are masked."""
    assert str(errors.RecipientRefused(550, "5.1.1 <anna@x.org>: no")) == (
        "to: the mail server refused the recipient: 550 5.1.1 <a***@x.org>: no"
    )
