"""Cycles through memory, so that its cgroup thrashes. Arguments: MiB, MiB a second, seconds."""

import os
import sys
import time
from pathlib import Path


def main(size: int, rate: float, seconds: float) -> None:
    Path("/proc/self/oom_score_adj").write_text("1000")  # if the cgroup gets too small, it is the one to go
    begin = time.monotonic()
    blocks: list[bytearray] = []
    block = 1 << 20
    written = 0
    while (now := time.monotonic()) - begin < seconds:
        # Memory is taken bit by bit, so that reclaim keeps up.
        if written < size:
            blocks.append(bytearray(os.urandom(block)))
        else:
            memory = blocks[written % size]
            for offset in range(0, block, 4096):
                memory[offset] = (memory[offset] + 1) & 0xFF
        written += 1
        time.sleep(max(0.0, begin + written / rate - now))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
