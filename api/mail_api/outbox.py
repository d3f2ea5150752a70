"""The way of one admitted mail: span, composing, submission; and the record that every request to send leaves."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter

from loguru import logger
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from mail_api.codes import Code, answer_to
from mail_api.errors import OutcomeUnknown, Situation
from mail_api.message import Stamp, compose
from mail_api.observability import Telemetry
from mail_api.schemas import SendRequest
from mail_api.smtp import Envelope, Receipt, Submitter
from mail_telemetry.identity import message_id_header, new_message_id
from mail_telemetry.masking import domain_of, mask_address, mask_text
from mail_telemetry.names import Attribute, SpanName
from mail_telemetry.propagation import traceparent


@dataclass(frozen=True, slots=True)
class Sender:
    """Under whose name mails leave, and through which server."""

    address: str
    domain: str
    server: str
    port: int


@dataclass(slots=True)
class Record:
    """What is known about a request to send, filled on its way and logged at its end."""

    message_id: str | None = None
    queue_id: str | None = None
    recipients: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


class Outbox:
    """Sends admitted mails; says success only after Postfix did."""

    def __init__(self, sender: Sender, submitter: Submitter, telemetry: Telemetry) -> None:
        self._sender = sender
        self._submitter = submitter
        self._telemetry = telemetry

    async def send(self, request: SendRequest, record: Record) -> str:
        """Return the id of the mail, which is now in Postfix's queue.

        Raises:
            Situation: it is not, or (OutcomeUnknown) nobody knows.
        """
        message_id = record.message_id = new_message_id()
        record.recipients, record.metadata = request.recipients, request.metadata
        with self._span(message_id, request.recipients) as span:
            stamp = Stamp(message_id_header(message_id, self._sender.domain), datetime.now(UTC), traceparent())
            content = compose(request, sender=self._sender.address, stamp=stamp).as_bytes()
            envelope = Envelope(self._sender.address, request.recipients, content, international=request.international)
            span.set_attribute(Attribute.SIZE, len(envelope.content))
            receipt = await self._submit(envelope, message_id)
            record.queue_id = receipt.queue_id
            if receipt.queue_id:
                span.set_attribute(Attribute.QUEUE_ID, receipt.queue_id)
        return message_id

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
        with self._telemetry.tracer.start_as_current_span(
            SpanName.SUBMIT,
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,  # its text could hold an address; the code says enough
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as problem:
                span.set_attribute(Attribute.ERROR_TYPE, _result_of(problem))
                span.set_status(Status(StatusCode.ERROR))
                raise


@contextmanager
def recorded(telemetry: Telemetry) -> Iterator[Record]:
    """Count and log one request to send exactly once, however the block ends."""
    record, started, result, reason = Record(), perf_counter(), str(Code.ACCEPTED), ""
    try:
        yield record
    except BaseException as problem:
        result, reason = _result_of(problem), mask_text(str(problem)) if isinstance(problem, Situation) else ""
        raise
    finally:
        telemetry.count_message(result)
        fields = {
            Attribute.RESULT: result,
            Attribute.MESSAGE_ID: record.message_id,
            Attribute.QUEUE_ID: record.queue_id,
            Attribute.RECIPIENT: mask_address(record.recipients[0]) if record.recipients else None,
            Attribute.RECIPIENT_COUNT: len(record.recipients),
            Attribute.METADATA: {name: mask_text(value) for name, value in record.metadata.items()},
            Attribute.DURATION: round(perf_counter() - started, 6),
            "reason": reason,
        }
        known = {name: value for name, value in fields.items() if value not in (None, "", 0, {})}
        logger.bind(**known).info("mail accepted" if result == Code.ACCEPTED else "mail not accepted")


def _result_of(problem: BaseException) -> str:
    return Code.INTERRUPTED if isinstance(problem, asyncio.CancelledError) else answer_to(problem).code
