"""A DNS server on a free port: answers from a zone, with SERVFAIL, or not at all."""

import socket
import threading
from types import TracebackType
from typing import Self

from dns import flags, message, rcode
from dns.name import root
from dns.zone import Zone, from_text

HEAD = "$ORIGIN .\n$TTL 60\n@ SOA ns. admin. 1 1 1 1 1\n@ NS ns.\nns A 192.0.2.53\n"
BROKEN = "broken.org."
"""Names below it are answered SERVFAIL."""
SILENT = "silent.org."
"""Names below it are not answered."""


class NameServer:
    """Answers from the text of a zone; a name without any record does not exist."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._zone = self._read("")
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def load(self, zone: str) -> None:
        """Replace the zone by these records, one in each line: `shop.org. MX 10 mail.shop.org.`."""
        self._zone = self._read(zone)

    def _read(self, zone: str) -> Zone:
        return from_text(HEAD + zone, origin=root, relativize=False)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            wire, asking = self._socket.recvfrom(4096)
            if not wire:
                return
            if answer := self._answer(message.from_wire(wire)):
                self._socket.sendto(answer.to_wire(), asking)

    def _answer(self, query: message.Message) -> message.Message | None:
        question = query.question[0]
        name = question.name.to_text()
        if name.endswith(SILENT):
            return None
        answer = message.make_response(query)
        answer.flags |= flags.AA | flags.RA
        if name.endswith(BROKEN):
            answer.set_rcode(rcode.SERVFAIL)
        elif self._zone.get_node(question.name) is None:
            answer.set_rcode(rcode.NXDOMAIN)
        elif found := self._zone.get_rrset(question.name, question.rdtype):
            answer.answer.append(found)
        return answer
