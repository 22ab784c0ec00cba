"""Compares the vector instructions that the native module was built for with those of this machine."""

from __future__ import annotations

import json
import platform
from pathlib import Path

RECORD = Path(__file__).with_name("_build.json")
CPUINFO = Path("/proc/cpuinfo")
# Names of rustc -> names of Linux's cpuinfo; features that cpuinfo does not list (or that every x86-64 has) are not compared.
NAMES = {
    "avx": "avx", "avx2": "avx2", "bmi1": "bmi1", "bmi2": "bmi2", "fma": "fma", "adx": "adx", "aes": "aes",
    "sse3": "pni", "ssse3": "ssse3", "sse4.1": "sse4_1", "sse4.2": "sse4_2", "popcnt": "popcnt", "sha": "sha_ni", "vaes": "vaes",
    "vpclmulqdq": "vpclmulqdq", "gfni": "gfni", "avx512f": "avx512f", "avx512dq": "avx512dq", "avx512cd": "avx512cd",
    "avx512bw": "avx512bw", "avx512vl": "avx512vl", "avx512ifma": "avx512ifma", "avx512vbmi": "avx512vbmi",
    "avx512vbmi2": "avx512_vbmi2", "avx512vnni": "avx512_vnni", "avx512bitalg": "avx512_bitalg",
    "avx512vpopcntdq": "avx512_vpopcntdq", "neon": "asimd", "sha3": "sha3", "sve": "sve", "sve2": "sve2",
}  # fmt: skip


def require_features(record: Path = RECORD, cpuinfo: Path = CPUINFO) -> None:
    """Raises ImportError, naming the missing instructions, when this machine cannot run the build. Silent when unknown."""
    try:
        built = json.loads(record.read_text())
        wanted = {NAMES[f] for f in built["features"] if f in NAMES}
        here = {word for line in cpuinfo.read_text().splitlines() if line.startswith(("flags", "Features")) for word in line.split()}
    except (OSError, ValueError, KeyError, TypeError):
        return
    if not here:
        return
    missing = sorted(wanted - here)
    if missing:
        raise ImportError(
            f"This build of tacit uses instructions that this {platform.machine()} machine lacks ({', '.join(missing)}): "
            "build it again on this machine (make setup)."
        )
