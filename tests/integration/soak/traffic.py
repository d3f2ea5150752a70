"""The clients of the soak, seen from outside: started, listened to, ended."""

import json
import subprocess
from threading import Thread
from typing import Final

from tests.integration.stack import Json

END_SECONDS: Final = 150.0


class Traffic:
    """The clients, in a container of their own, and what they were answered."""

    def __init__(self, container: str, *arguments: str) -> None:
        self.answers: list[Json] = []
        self._process = subprocess.Popen(  # noqa: S603 - the words below
            ["docker", "exec", "--interactive", container, "python3", "/soak/sender.py", *arguments],  # noqa: S607 - Docker, wherever it is
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.answers.extend(map(json.loads, self._process.stdout))

    def end(self) -> None:
        """Return when no mail is sent any more, and every one has its answer.

        Raises:
            TimeoutError: the clients did not end.
        """
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._reader.join(END_SECONDS)
        if self._reader.is_alive():
            raise TimeoutError("the clients did not end")
        self._process.wait()

    def kill(self) -> None:
        """End the clients, whatever they are doing."""
        self._process.kill()
