"""A program below a directory of mode 700 runs as another user."""

import os
import subprocess
from pathlib import Path

from tests.require import require
from tests.system.readable_by_all import readable_by_all

AS_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")


def test_a_program_in_roots_home(tmp_path: Path) -> None:
    require(os.geteuid() == 0, "needs root, to mount and to become nobody")
    # pytest's own directory is closed too.
    home = tmp_path / "home of root"
    program, secret = home / "clone/bin/program", home / "secret"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nid -un; ls "$1"\n')
    program.chmod(0o755)
    secret.touch()
    home.chmod(0o700)

    def run(*through: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*through, *AS_NOBODY, program, home], capture_output=True, text=True, timeout=60, check=False
        )

    assert run().returncode != 0
    opened = run(*readable_by_all(home / "clone"))
    assert (opened.stdout, opened.stderr) == ("nobody\nclone\n", "")
    assert home.stat().st_mode & 0o777 == 0o700
    assert secret.exists()


def test_nothing_is_mounted_where_all_can_read(tmp_path: Path) -> None:
    assert readable_by_all(Path("/usr/bin"), Path("/etc")) == ()
