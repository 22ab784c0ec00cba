"""The vector instructions recorded at build time, compared with those of a machine, before the native module is loaded."""

from __future__ import annotations

import json
import platform

import pytest

from tacit.machine import NAMES, RECORD, require_features


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Two files and a processor: what the build recorded and what this machine says."""

    def compare(features, flags, arch="x86_64", name="x86_64", label="flags"):
        monkeypatch.setattr(platform, "machine", lambda: name)
        (tmp_path / "build.json").write_text(json.dumps({"arch": arch, "features": features}))
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{label}\t\t: {flags}\n\nprocessor\t: 1\n{label}\t\t: {flags}\n")
        require_features(tmp_path / "build.json", tmp_path / "cpuinfo")

    return compare


def test_equal_and_richer_machines_pass(machine):
    machine(["avx2", "fma", "sse3"], "pni fma avx2 avx512f")
    machine(["neon", "sha3"], "fp asimd sha3", "aarch64", "arm64", "Features")
    machine([], "pni")


def test_missing_instructions_are_named(machine):
    with pytest.raises(ImportError, match=r"lacks \(avx512_vbmi2, avx512f\): build it again on this machine"):
        machine(["avx512f", "avx512vbmi2", "avx2"], "pni avx2")
    with pytest.raises(ImportError, match="lacks .sve2"):
        machine(["neon", "sve2"], "asimd", "aarch64", "aarch64", "Features")


def test_another_architecture_is_named(machine):
    with pytest.raises(ImportError, match="is for x86_64, but this machine is aarch64"):
        machine(["avx2"], "asimd", name="aarch64")
    machine(["avx2"], "avx2", name="AMD64")


def test_what_is_unknown_is_not_compared(machine, tmp_path):
    machine(["avx2", "crt-static", "fxsr", "x87", "rdrand", "rdseed"], "avx2")
    machine(["avx2"], "")
    require_features(tmp_path / "absent", tmp_path / "cpuinfo")
    (tmp_path / "build.json").write_text(json.dumps({"arch": platform.machine(), "features": ["avx2"]}))
    require_features(tmp_path / "build.json", tmp_path / "absent")
    for junk in ("", "{}", "[]", '{"arch": "x86_64", "features": 3}', "\0"):
        (tmp_path / "build.json").write_text(junk)
        require_features(tmp_path / "build.json", tmp_path / "absent")


def test_this_build_runs_here_and_its_names_are_known():
    require_features()
    if RECORD.exists():
        features = json.loads(RECORD.read_text())["features"]
        assert not [f for f in features if f.startswith("avx") and f not in NAMES]
