"""Swap per process name with psutil, as most people would write it.

Scans all processes for each line on standard input. Answers with CPU seconds and the number of processes.
"""

import sys
import time
from collections import defaultdict

import psutil


def scan() -> int:
    """The number of processes."""
    swap: dict[str, int] = defaultdict(int)
    count = 0
    for process in psutil.process_iter(["name", "cpu_times", "memory_full_info"]):
        memory = process.info["memory_full_info"]
        if memory is not None:
            swap[process.info["name"]] += memory.swap
            count += 1
    return count


for _ in sys.stdin:
    began = time.process_time()
    processes = scan()
    print(time.process_time() - began, processes, flush=True)
