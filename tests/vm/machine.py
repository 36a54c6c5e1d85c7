"""One virtual machine: boots a disk, emulated in software, and waits until it turns itself off."""

import subprocess
import tempfile
from pathlib import Path

DEADLINE = 900
KERNEL = "root=/dev/vda rw console=ttyS0 psi=1 delayacct systemd.mask=serial-getty@ttyS0.service"


class MachineError(Exception):
    """It did not turn itself off; the message ends with what stood on its console."""


def run(image: Path, second_disk: Path) -> tuple[str, str]:
    """What the machine wrote to its second serial port, and its console. `image` is left as it was.

    Software emulation, for KVM is not to be had everywhere. Raises MachineError.
    """
    with tempfile.TemporaryDirectory() as directory:
        console, results = Path(directory, "console"), Path(directory, "results")
        command = [
            *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "1024", "-smp", "2"),
            *("-kernel", f"{image}/vmlinuz", "-initrd", f"{image}/initrd.img", "-append", KERNEL),
            *("-drive", f"file={image}/disk,format=raw,if=virtio,snapshot=on"),
            *("-drive", f"file={second_disk},format=raw,if=virtio,snapshot=on"),
            *("-serial", f"file:{console}", "-serial", f"file:{results}"),
            *("-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot"),
        ]
        try:
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=DEADLINE)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            raise MachineError(f"{error}\n{_text(console)[-8000:]}") from None
        return _text(results), _text(console)


def _text(file: Path) -> str:
    return file.read_text(errors="replace") if file.exists() else ""
