"""The way of one admitted mail: books, span, submission; and the record that every request to send leaves."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Final

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, get_current_span
from starlette.requests import Request

from mail_api.addresses import Mailbox
from mail_api.books import Books, outcome_of
from mail_api.codes import Code, answer_to
from mail_api.errors import OutcomeUnknown, QuotaExhausted, Situation
from mail_api.message import Stamp, compose
from mail_api.quota_gate import QuotaGate
from mail_api.reception import Received
from mail_api.request_log import describe_request
from mail_api.sent import Sent
from mail_api.smtp import Envelope, Receipt, Submitter
from mail_api.telemetry import Telemetry
from mail_ledger.submission import Accepted, Failed, NewSubmission
from mail_telemetry.identity import message_id_header, new_message_id
from mail_telemetry.masking import domain_of, mask_address, mask_text
from mail_telemetry.names import Attribute, LogLine, SpanName
from mail_telemetry.propagation import traceparent

_LARGE: Final = 20_000
"""From here on a mail is made in a thread: a megabyte of HTML or text takes up to a second."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Under whose name mails leave, and through which server."""

    address: str
    domain: str
    server: str
    port: int


@dataclass(slots=True)
class Record:
    """What is known about a request to send, filled on its way and told at its end."""

    message_id: str | None = None
    queue_id: str | None = None
    recipients: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    result: Code = Code.ACCEPTED
    is_taken: bool = False
    """The mail server has it; what fails from then on is not the mail."""


class Outbox:
    """Sends admitted mails, each written down before and after; says success only after Postfix did."""

    def __init__(
        self, sender: Sender, submitter: Submitter, telemetry: Telemetry, books: Books, quota: QuotaGate
    ) -> None:
        self._sender = sender
        self._submitter = submitter
        self._telemetry = telemetry
        self._books = books
        self._quota = quota
        # One: they would take turns anyway, and each would keep memory of its own.
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="large-mails")

    async def send(self, received: Received, record: Record) -> Sent:
        """Return the id of the mail, which is now in Postfix's queue.

        Raises:
            Situation: it is not, or (OutcomeUnknown) nobody knows.
        """
        request, caller = received.request, received.caller
        new = self._new_submission(received)
        record.message_id, record.recipients, record.metadata = new.id, new.recipients, request.metadata
        important = caller is not None and caller.important
        shortage = await self._quota.admit(len(new.recipients), important=important)
        if shortage and received.once is None:
            raise shortage
        admitted = 0 if shortage else len(new.recipients)
        with self._quota.writing(admitted):
            repeated = await self._books.open(new, caller, received.once)
        if repeated is not None:
            self._quota.give_back(admitted)
            record.message_id, record.result = repeated, Code.REPLAYED
            return Sent(repeated, replayed=True)
        try:
            receipt = await self._deliver(received, new, shortage)
        except BaseException as problem:
            outcome = outcome_of(problem, _result_of(problem))
            if isinstance(outcome, Failed):
                self._quota.give_back(admitted)
            await self._books.close(new.id, outcome)
            raise
        record.queue_id, record.is_taken = receipt.queue_id, True
        await self._books.close(new.id, Accepted(receipt.queue_id))
        return Sent(new.id)

    def _new_submission(self, received: Received) -> NewSubmission:
        message_id = new_message_id()
        trace = get_current_span().get_span_context()
        return NewSubmission(
            id=message_id,
            message_id=message_id_header(message_id, self._sender.domain),
            recipients=received.request.recipients,
            key=received.caller.name if received.caller else None,
            tags={name: mask_text(value) for name, value in received.request.metadata.items()},
            trace_id=f"{trace.trace_id:032x}" if trace.trace_flags.sampled else None,
        )

    async def _deliver(self, received: Received, new: NewSubmission, shortage: QuotaExhausted | None) -> Receipt:
        if shortage:
            raise shortage  # not sooner: a repetition needs no room
        request, sender = received.request, received.sender or Mailbox(self._sender.address)
        with self._span(new.id, new.recipients) as span:
            stamp = Stamp(new.message_id, datetime.now(UTC))
            content = await self._made(lambda: compose(request, sender=sender, stamp=stamp).as_bytes(), request.size)
            span.set_attribute(Attribute.SIZE, len(content))
            trace = traceparent(span.get_span_context())
            receipt = await self._submit(
                Envelope(sender.address, new.recipients, content, international=request.international, trace=trace),
                new.id,
            )
            if receipt.queue_id:
                span.set_attribute(Attribute.QUEUE_ID, receipt.queue_id)
        return receipt

    async def _made(self, make: Callable[[], bytes], size: int) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self._maker, make) if size > _LARGE else make()

    async def _submit(self, envelope: Envelope, message_id: str) -> Receipt:
        started = perf_counter()
        try:
            return await self._submitter.submit(envelope)
        except OutcomeUnknown as unknown:
            unknown.message_id = message_id
            raise
        finally:
            self._telemetry.observe_submission(perf_counter() - started)

    @contextmanager
    def _span(self, message_id: str, recipients: tuple[str, ...]) -> Iterator[Span]:
        attributes: dict[str, str | int] = {
            Attribute.MESSAGE_ID: message_id,
            Attribute.RECIPIENT_COUNT: len(recipients),
            Attribute.RECIPIENT_DOMAIN: domain_of(recipients[0]),
            Attribute.SERVER_ADDRESS: self._sender.server,
            Attribute.SERVER_PORT: self._sender.port,
        }
        span = self._telemetry.tracer.start_span(SpanName.SUBMIT, kind=SpanKind.CLIENT, attributes=attributes)
        try:
            yield span
        except BaseException as problem:
            span.set_attribute(Attribute.ERROR_TYPE, _result_of(problem))
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            span.end()


@contextmanager
def recorded(request: Request, telemetry: Telemetry) -> Iterator[Record]:
    """Count one request to send, and tell what became of it, exactly once, however the block ends."""
    record, reason = Record(), ""
    try:
        yield record
    except BaseException as problem:
        record.result = Code.ACCEPTED if record.is_taken else _result_of(problem)
        reason = mask_text(str(problem)) if isinstance(problem, Situation) else ""
        raise
    finally:
        telemetry.count_message(record.result)
        fields = {
            Attribute.RESULT: record.result,
            Attribute.MESSAGE_ID: record.message_id,
            Attribute.QUEUE_ID: record.queue_id,
            Attribute.RECIPIENT: mask_address(record.recipients[0]) if record.recipients else None,
            Attribute.RECIPIENT_COUNT: len(record.recipients),
            Attribute.METADATA: {name: mask_text(value) for name, value in record.metadata.items()},
            "reason": reason,
        }
        known = {name: value for name, value in fields.items() if value not in (None, "", 0, {})}
        describe_request(request, LogLine.ACCEPTED if record.result is Code.ACCEPTED else LogLine.NOT_ACCEPTED, known)


def _result_of(problem: BaseException) -> Code:
    return Code.INTERRUPTED if isinstance(problem, asyncio.CancelledError) else answer_to(problem).code
