"""Starts and stops the soak's clients, and collects their answers."""

import json
import subprocess
from threading import Thread
from typing import Final

from tests.integration.stack import Json

END_SECONDS: Final = 150.0


class Traffic:
    """The clients, in a separate container, and the answers that they got."""

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
        """Stop the clients, and return when every mail has its answer.

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
        """Kill the clients."""
        self._process.kill()
