"""Real processes for the scanner to look at, ended when the test is."""

import os
import shutil
import subprocess
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.require import require

SOURCE = Path(__file__).with_name("strange.c")


def compiled(directory: Path) -> Path:
    """strange.c, as a program."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    require(compiler, "needs a C compiler")
    program = directory / "strange"
    subprocess.run([str(compiler), "-Wall", "-O1", "-pthread", "-o", program, SOURCE], check=True, timeout=60)
    return program


def forked(check: Callable[[], None]) -> None:
    """Runs ``check`` in a child, which it may strip of rights and descriptors; fails if it fails there."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            check()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "see the traceback above"


def become_nobody() -> None:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)


@contextmanager
def running(*argv: str | bytes | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child that was started and, if it is strange.c's, has said that it is ready."""
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            if Path(str(argv[0])).name == "strange":
                answer(child)
            yield child
        finally:
            child.kill()


def answer(child: subprocess.Popen[bytes]) -> bytes:
    """The next line that the child says."""
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line, "the child ended too early"
    return line


def tell(child: subprocess.Popen[bytes], line: bytes) -> None:
    """Gives the child a line, and waits until it has acted on it."""
    assert child.stdin is not None
    child.stdin.write(line + b"\n")
    child.stdin.flush()
    answer(child)
