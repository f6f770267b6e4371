"""How many threads the model gets: the physical cores this process may run on."""

import os
from pathlib import Path


def usable_cores(topology: Path = Path("/sys/devices/system/cpu")) -> int:
    """Count them: hyperthreads of one core share its arithmetic units and only slow each other."""
    if not hasattr(os, "sched_getaffinity"):  # macOS and Windows say no more than a total
        return os.cpu_count() or 1
    allowed = os.sched_getaffinity(0)
    return len({_core(topology, cpu) for cpu in allowed}) or 1


def _core(topology: Path, cpu: int) -> str:
    """Name the core a CPU belongs to by its list of siblings; by itself where that is unknown."""
    try:
        return (topology / f"cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)
