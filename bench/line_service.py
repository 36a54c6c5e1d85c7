"""A child process that answers each line on its standard input with a line."""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple, cast


class LineService(NamedTuple):
    process: subprocess.Popen[str]

    def ask(self, line: str = "") -> str:
        """Send a line and return the answer. Raises EOFError if the child has ended."""
        stdin = cast(IO[str], self.process.stdin)
        stdin.write(f"{line}\n")
        stdin.flush()
        return self.answer()

    def answer(self) -> str:
        """The next line from the child. Raises EOFError if it has ended."""
        answer = cast(IO[str], self.process.stdout).readline()
        if not answer:
            raise EOFError(f"{self.process.args!r} ended with status {self.process.wait(60)}")
        return answer.strip()


@contextlib.contextmanager
def line_service(command: Sequence[str]) -> Iterator[LineService]:
    """Start the child, which ends when its standard input is closed."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield LineService(process)
