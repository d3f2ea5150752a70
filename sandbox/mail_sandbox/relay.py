"""The relay's two ports, 587 (STARTTLS) and 465 (TLS), and the faults that close them or show bad certificates."""

import asyncio
import socket
import ssl
from dataclasses import dataclass

from loguru import logger

from mail_sandbox.certificates import ServerTls
from mail_sandbox.fault_board import Moment
from mail_sandbox.faults import Fault, FaultName, SessionStage
from mail_sandbox.gmail_session import GmailSession
from mail_sandbox.recorded_session import RecordedSession
from mail_sandbox.smtp_commands import SmtpCommands
from mail_sandbox.state import Sandbox

# Stages before MAIL: a session that is kept open has passed them, and would not meet their faults.
_EARLY = frozenset(
    {SessionStage.CONNECT, SessionStage.BANNER, SessionStage.EHLO, SessionStage.STARTTLS, SessionStage.AUTH}
)


class PortUnavailableError(OSError):
    """A port cannot be opened; `variable` is the environment variable that sets it."""

    def __init__(self, *, variable: str, port: int, reason: str) -> None:
        super().__init__(f"{variable}: port {port} cannot be opened ({reason}); set it to a free port")
        self.variable = variable


@dataclass(slots=True)
class _Listener:
    variable: str
    port: int
    implicit_tls: bool
    server: asyncio.Server | None = None


class Relay:
    """The SMTP relay; it runs from `start` to `stop` in the running event loop."""

    def __init__(self, sandbox: Sandbox, tls: ServerTls, *, bind: str, submission_port: int, smtps_port: int) -> None:
        self._sandbox = sandbox
        self._tls = tls
        self._bind = bind
        self._submission = _Listener("SANDBOX_SUBMISSION_PORT", submission_port, implicit_tls=False)
        self._smtps = _Listener("SANDBOX_SMTPS_PORT", smtps_port, implicit_tls=True)
        self._sessions: set[RecordedSession] = set()
        self._reopening: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # One context listens; its callback selects the certificate for each handshake.
        tls.good.sni_callback = self._choose_certificate

    @property
    def submission_port(self) -> int:
        """Return the bound port for SMTP with STARTTLS."""
        return self._submission.port

    @property
    def smtps_port(self) -> int:
        """Return the bound port for SMTP in TLS."""
        return self._smtps.port

    @property
    def listening(self) -> bool:
        """Return whether the ports are open."""
        return self._submission.server is not None

    async def start(self) -> None:
        """Open both ports; raises PortUnavailableError."""
        for listener in (self._submission, self._smtps):
            listener.server = await self._open(listener)
            listener.port = listener.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close both ports and end all sessions."""
        self._cancel_reopening()
        self._close()

    async def fault_switched_on(self, fault: Fault) -> None:
        """Close the ports, or end idle sessions so that the next mail meets a fault of a stage before MAIL."""
        if fault.name is FaultName.REFUSE_CONNECTION:
            self._cancel_reopening()
            self._close()
            if fault.seconds is not None:
                loop = asyncio.get_running_loop()
                self._reopening = loop.call_later(fault.seconds, self._time_is_up)
        elif fault.at in _EARLY:
            for session in [session for session in self._sessions if session.idle]:
                session.hang_up()

    async def faults_switched_off(self) -> None:
        """Open the ports again, unless REFUSE_CONNECTION is still on."""
        if not self._sandbox.faults.get(FaultName.REFUSE_CONNECTION):
            self._cancel_reopening()
            if not self.listening:
                await self.start()

    async def _open(self, listener: _Listener) -> asyncio.Server:
        try:
            return await asyncio.get_running_loop().create_server(
                self._session,
                self._bind,
                listener.port,
                family=socket.AF_UNSPEC,
                ssl=self._tls.good if listener.implicit_tls else None,
            )
        except OSError as error:
            raise PortUnavailableError(
                variable=listener.variable, port=listener.port, reason=error.strerror or str(error)
            ) from error

    def _session(self) -> GmailSession:
        return GmailSession(
            SmtpCommands(self._sandbox),
            self._sandbox,
            tls=self._tls.good,
            opened=self._sessions.add,
            closed=self._sessions.discard,
        )

    def _close(self) -> None:
        for listener in (self._submission, self._smtps):
            if listener.server:
                listener.server.close()
                listener.server = None
        for session in list(self._sessions):
            session.hang_up()

    def _cancel_reopening(self) -> None:
        if self._reopening:
            self._reopening.cancel()
            self._reopening = None

    def _time_is_up(self) -> None:
        self._sandbox.faults.switch_off(FaultName.REFUSE_CONNECTION)
        task = asyncio.get_running_loop().create_task(self.faults_switched_off())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _choose_certificate(self, tls: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        fault = self._sandbox.faults.take(Moment(SessionStage.STARTTLS)).fault
        if fault and fault.kind:
            logger.bind(kind=str(fault.kind)).info("bad certificate shown")
            tls.context = self._tls.bad[fault.kind]
