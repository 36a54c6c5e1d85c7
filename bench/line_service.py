"""A child process that does one thing for each line it is sent, and answers with a line."""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple, cast


class LineService(NamedTuple):
    process: subprocess.Popen[str]

    def ask(self, line: str = "") -> str:
        """Raises EOFError where the child has ended."""
        to, of = cast(IO[str], self.process.stdin), cast(IO[str], self.process.stdout)
        to.write(f"{line}\n")
        to.flush()
        return self.answer(of)

    def answer(self, of: IO[str] | None = None) -> str:
        answer = (of or cast(IO[str], self.process.stdout)).readline()
        if not answer:
            raise EOFError(f"{self.process.args!r} has ended with {self.process.wait(60)}")
        return answer.strip()


@contextlib.contextmanager
def line_service(command: Sequence[str]) -> Iterator[LineService]:
    """The child ends with its standard input."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield LineService(process)
