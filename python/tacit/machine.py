"""This machine: whether it has the vector instructions that the native module was built for, and how much memory is free."""

from __future__ import annotations

import ctypes
import json
import platform
from pathlib import Path

RECORD = Path(__file__).with_name("_build.json")
CPUINFO = Path("/proc/cpuinfo")
# Names of rustc -> names of Linux's cpuinfo. Features that cpuinfo does not list, or every x86-64 has, are not compared;
# nor are rdrand and rdseed, which no compiler emits by itself and which Linux hides on processors with a faulty one.
NAMES = {
    "adx": "adx", "aes": "aes", "avx": "avx", "avx2": "avx2", "bmi1": "bmi1", "bmi2": "bmi2", "cmpxchg16b": "cx16",
    "f16c": "f16c", "fma": "fma", "gfni": "gfni", "lzcnt": "abm", "movbe": "movbe", "pclmulqdq": "pclmulqdq",
    "popcnt": "popcnt", "sha": "sha_ni", "sse3": "pni", "ssse3": "ssse3",
    "sse4.1": "sse4_1", "sse4.2": "sse4_2", "sse4a": "sse4a", "vaes": "vaes", "vpclmulqdq": "vpclmulqdq",
    "avx512f": "avx512f", "avx512dq": "avx512dq", "avx512cd": "avx512cd", "avx512bw": "avx512bw", "avx512vl": "avx512vl",
    "avx512ifma": "avx512ifma", "avx512vbmi": "avx512vbmi", "avx512vbmi2": "avx512_vbmi2", "avx512vnni": "avx512_vnni",
    "avxvnni": "avx_vnni", "avx512vp2intersect": "avx512_vp2intersect",
    "avx512bitalg": "avx512_bitalg", "avx512bf16": "avx512_bf16", "avx512vpopcntdq": "avx512_vpopcntdq",
    "neon": "asimd", "sha3": "sha3", "sve": "sve", "sve2": "sve2",
}  # fmt: skip
SAME = {"amd64": "x86_64", "arm64": "aarch64"}
AGAIN = "build it again on this machine (make setup)"


def require_features(record: Path = RECORD, cpuinfo: Path = CPUINFO) -> None:
    """Raises ImportError, naming the missing instructions, when this machine cannot run the build. Silent when unknown."""
    machine = platform.machine().lower()
    try:
        built = json.loads(record.read_text())
        architecture = str(built["arch"])
        wanted = {NAMES[f] for f in built["features"] if f in NAMES}
    except (OSError, ValueError, KeyError, TypeError):
        return
    if machine and architecture != SAME.get(machine, machine):
        raise ImportError(f"This build of tacit is for {architecture}, but this machine is {machine}: {AGAIN}.")
    try:
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith(("flags", "Features"))]
    except (OSError, ValueError):
        return
    here = {word for line in lines for word in line.partition(":")[2].split()}
    missing = sorted(wanted - here)
    if here and missing:
        raise ImportError(
            f"This build of tacit uses instructions that this {machine} machine lacks ({', '.join(missing)}): {AGAIN}."
        )


PROCESSES = Path("/proc")
GROUPS = Path("/sys/fs/cgroup")


def free_memory(processes: Path = PROCESSES, groups: Path = GROUPS) -> int | None:
    """Bytes that this process can still take without anything being killed: what Linux calls available, and no more than its
    control groups (version 2) leave. None where neither is known."""
    found = [_entry(processes / "meminfo", "MemAvailable")]
    try:
        own = next(line for line in (processes / "self/cgroup").read_text().splitlines() if line.startswith("0::"))
        folder = groups / own[3:].strip("/")
    except (OSError, StopIteration):
        folder = groups
    for group in (folder, *folder.parents):
        if not group.is_relative_to(groups):
            break
        try:
            limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        except (OSError, ValueError):  # no such file, or "max"
            continue
        # Pages of files are given back when memory is short.
        files = _statistic(group / "memory.stat", "inactive_file")
        found.append(max(limit - used + files, 0))
    return min((count for count in found if count is not None), default=None)


def resident_memory(processes: Path = PROCESSES) -> int:
    """Bytes that this process holds; 0 where that is not known."""
    return _entry(processes / "self/status", "RssAnon") or 0


LARGE = 1 << 29
"""A process of fewer bytes keeps what it freed."""


def give_back_memory() -> None:
    """Gives the memory that proofs have left for the next one, at most what the largest of them took, back to the system."""
    from tacit import _core  # this module says first whether the core can be loaded

    _core.give_back_held_memory()
    trim()


def trim() -> None:
    """Gives freed memory back to the system, where this process is large and its allocator is glibc's: that keeps what threads
    freed for these threads, gigabytes that a proof would come on top of."""
    if resident_memory() >= LARGE:
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _entry(path: Path, name: str) -> int | None:
    """A line `name: count kB`, in bytes."""
    try:
        lines = path.read_text().splitlines()
        return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), None)
    except (OSError, ValueError, IndexError):
        return None


def _statistic(path: Path, name: str) -> int:
    try:
        return next((int(line.split()[1]) for line in path.read_text().splitlines() if line.split()[:1] == [name]), 0)
    except (OSError, ValueError, IndexError):
        return 0
