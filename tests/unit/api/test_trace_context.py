"""Trace context of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mail_ledger.api_keys import ApiKeys
from mail_telemetry.propagation import parse_traceparent
from tests.unit.api.conftest import SHARED

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api
    from tests.unit.api.fake_postfix import FakePostfix

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"


@pytest.fixture
def with_key(shared_keys: ApiKeys) -> dict[str, str]:
    """Return the header with a valid API key."""
    return {"Authorization": f"Bearer {shared_keys.create('shop')}"}


def traceparent(flags: str) -> dict[str, str]:
    """Return the trace context of a caller."""
    return {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-{flags}", "tracestate": "a=b"}


@SHARED
@pytest.mark.parametrize("flags", ["01", "03"], ids=["sampled", "sampled and random"])
async def test_caller_with_key(shared_api: Api, with_key: dict[str, str], flags: str) -> None:
    """The trace of a caller with an API key is continued."""
    await shared_api.client.get("/quota", headers=with_key | traceparent(flags))
    (span,) = shared_api.spans()
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE_ID, SPAN_ID)
    assert span.parent.trace_state.to_header() == "a=b"


@SHARED
@pytest.mark.parametrize("flags", ["00", "02"], ids=["not sampled", "random and not sampled"])
async def test_caller_with_key_that_does_not_sample(shared_api: Api, with_key: dict[str, str], flags: str) -> None:
    """An unsampled trace of a caller with an API key has no span."""
    await shared_api.client.get("/quota", headers=with_key | traceparent(flags))
    assert shared_api.spans() == []


@SHARED
@pytest.mark.parametrize("flags", ["00", "01", "03"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer dm_none"}], ids=["no key", "bad key"])
async def test_other_caller(shared_api: Api, flags: str, headers: dict[str, str]) -> None:
    """A request of any other caller begins a new, sampled trace."""
    await shared_api.client.get("/quota", headers=headers | traceparent(flags))
    (span,) = shared_api.spans()
    assert span.parent is None
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" != TRACE_ID
    assert not span.context.trace_state


@SHARED
async def test_mail_of_another_caller(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """A mail of a caller without a key has a new trace, even if its trace context is not sampled."""
    await shared_api.send(traceparent("00") | {"baggage": "a=b"})
    found = parse_traceparent(shared_postfix.mails[0].trace or "")
    assert found is not None
    assert found.trace_flags.sampled
    assert f"{found.trace_id:032x}" != TRACE_ID
    assert {span.context.trace_id for span in shared_api.spans() if span.context} == {found.trace_id}
