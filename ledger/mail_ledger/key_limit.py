"""How many recipients a key has had in the last 24 hours, and when it may have more."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from mail_ledger.submission import DAY_SECONDS, KeyLimitReached, NewSubmission, SubmissionState
from mail_ledger.tables import api_key, submission


def lock_key(connection: Connection, new: NewSubmission, limit: int | None) -> None:
    """Let no other transaction count the key's recipients until this one ends, where there is a limit.

    SQLite has one writer at a time anyway.
    """
    if new.key is not None and limit is not None:
        is_key = (api_key.c.name == new.key) & api_key.c.revoked.is_(None)
        connection.execute(select(api_key.c.prefix).where(is_key).with_for_update())


def key_limit_reached(
    connection: Connection, new: NewSubmission, limit: int | None, now: float
) -> KeyLimitReached | None:
    """Tell that the new mail exceeds its key's limit, or None when it fits. Failed sends don't count.

    Args:
        connection: a transaction that holds the key's lock.
        new: the mail, whether it is stored already or not.
        limit: recipients in 24 hours; None is no limit.
        now: the Unix time.
    """
    if new.key is None or limit is None:
        return None
    query = select(submission.c.created, submission.c.recipient_count).where(
        submission.c.key_name == new.key,
        submission.c.created > now - DAY_SECONDS,
        submission.c.state != SubmissionState.FAILED,
        submission.c.id != new.id,
    )
    uses = [(created, count) for created, count in connection.execute(query.order_by(submission.c.created))]
    used = sum(count for _, count in uses)
    missing = used + len(new.recipients) - limit
    return KeyLimitReached(limit, used, freed_at(uses, missing)) if missing > 0 else None


def freed_at(uses: Iterable[tuple[float, int]], missing: int) -> float | None:
    """Return when so many recipients have left the 24 hours, or None when there are not so many.

    Args:
        uses: when each mail was submitted and its recipients, oldest first.
        missing: how many.
    """
    for created, recipients in uses:
        missing -= recipients
        if missing <= 0:
            return created + DAY_SECONDS
    return None
