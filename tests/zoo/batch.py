"""A batch job that takes the machine's memory until a pool of servers is in swap. Arguments: the pool's pids.

MemAvailable stays above RESERVE and SwapFree above SWAP_RESERVE. If that is not enough, the kernel kills this
program first.
"""

import os
import sys
import time
from pathlib import Path

MIB = 1 << 20
STEP = 64 * MIB
RESERVE = 400 * MIB
SWAP_RESERVE = 1024 * MIB
ENOUGH = 0.85
"""Share of the pool's memory that is to be in swap."""
LONGEST = 240.0
"""Seconds."""


def main(pids: list[int]) -> int:
    Path("/proc/self/oom_score_adj").write_text("1000")
    taken: list[bytearray] = []
    begin = time.monotonic()
    while time.monotonic() - begin < LONGEST and out(pids) < ENOUGH:
        memory = meminfo()
        if memory["SwapFree"] < SWAP_RESERVE:
            print(f"only {memory['SwapFree'] // MIB} MiB of swap are free", file=sys.stderr)
            return 1
        if memory["MemAvailable"] > RESERVE + STEP:
            block = bytearray(STEP)
            for at in range(0, STEP, 4096):
                block[at : at + 8] = os.urandom(8)
            taken.append(block)
        else:
            time.sleep(0.5)
        for block in taken[-64:]:  # the job uses what it has taken
            block[::65536]
    print(f"{len(taken) * STEP // MIB} MiB taken, {out(pids):.0%} of the pool in swap", flush=True)
    return 0


def out(pids: list[int]) -> float:
    """Share of the processes' anonymous memory that is in swap."""
    swapped = resident = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmSwap:"):
                swapped += int(line.split()[1])
            elif line.startswith("RssAnon:"):
                resident += int(line.split()[1])
    return swapped / max(1, swapped + resident)


def meminfo() -> dict[str, int]:
    """Bytes."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}


if __name__ == "__main__":
    sys.exit(main([int(pid) for pid in sys.argv[1:]]))
