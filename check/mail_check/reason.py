"""What an error says, in words for a person."""


def reason(error: BaseException) -> str:
    """Return the error's words without Python's decoration (`[Errno 111]`); the kind of error where it has none."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or str(error) or type(error).__name__
