"""psutil as most people write it: one pass for each line; answers with its CPU seconds."""

import sys
import time
from collections import defaultdict

import psutil


def scan() -> int:
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
