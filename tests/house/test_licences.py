"""Every dependency that is built into or imported by the product has a licence that goes with Apache-2.0 OR MIT."""

import json
import re
import subprocess
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "PSF-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}
OWN_WORDS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License v2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "MIT License": "MIT",
}
RUNTIME = ["numpy", "onnx", "onnxruntime"]


def permitted(expression: str) -> bool:
    """An SPDX expression: one alternative of an OR (or a slash) suffices, all parts of an AND are needed."""
    expression = OWN_WORDS.get(expression, expression).replace("/", " OR ").replace("(", " ").replace(")", " ")
    return any(
        all(part.strip() in ALLOWED for part in alternative.split(" AND ")) for alternative in re.split(r"\s+OR\s+", expression)
    )


def test_crates():
    listing = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--locked"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    packages = json.loads(listing.stdout)["packages"]
    bad = [f"{p['name']}: {p['license']}" for p in packages if not p["license"] or not permitted(p["license"])]
    assert packages and not bad, bad


def licence_of(name: str) -> str:
    data = metadata.metadata(name)
    if data.get("License-Expression"):
        return data["License-Expression"]
    classifiers = [c.split(" :: ")[-1] for c in data.get_all("Classifier") or [] if c.startswith("License :: OSI Approved :: ")]
    return data.get("License") or " OR ".join(classifiers)


def closure(names: list[str]) -> set[str]:
    found: set[str] = set()
    queue = list(names)
    while queue:
        name = queue.pop()
        if name.lower() in found:
            continue
        found.add(name.lower())
        for requirement in metadata.requires(name) or []:
            if ";" not in requirement:
                queue.append(re.split(r"[ <>=!~\[(;]", requirement, maxsplit=1)[0])
    return found


def test_python_packages():
    bad = {name: licence_of(name) for name in closure(RUNTIME) if not permitted(licence_of(name))}
    assert not bad, bad


def test_the_check_can_fail():
    assert not permitted("GPL-3.0-only")
    assert not permitted("MIT AND AGPL-3.0")
    assert permitted("MIT OR GPL-2.0")
