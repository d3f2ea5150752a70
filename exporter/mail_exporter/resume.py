"""Where reading goes on: at the position that is stored under the mail server's name, or was under another one."""

from pathlib import Path

from loguru import logger

from mail_exporter.source import HEAD_BYTES, has_head, log_files
from mail_ledger import Ledger, LogPosition


def resume(ledger: Ledger, log: Path, server: str) -> LogPosition | None:
    """Return the position up to which this server's log was read, or None when it never was.

    A log that was read under another name, which its first bytes tell, is one whose server got another MAIL_HOSTNAME,
    or had none when it was read: the ledger then knows the server by its new name. Where these bytes are few, two
    servers that were started at the same moment may have the same ones.

    Raises:
        LedgerError: the ledger can't be read or written.
    """
    known = ledger.positions(str(log))
    if server in known:
        return known[server]
    files = list(log_files(log))
    for name, position in known.items():
        is_known_enough = position.head_length >= HEAD_BYTES or not name
        if is_known_enough and any(has_head(path, position) for path in files):
            ledger.rename_server(name, server)
            logger.info("the mail server has another name", old=name, new=server)
            return position
    return None
