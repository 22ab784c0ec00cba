"""tacit verify RECEIPT --key KEY [--context TEXT]"""

from __future__ import annotations

import argparse
import time

from tacit.key import Key
from tacit.receipt import Receipt
from tacit.verify import verify


def run(arguments: argparse.Namespace) -> int:
    key = Key.load(arguments.key)
    receipt = Receipt.load(arguments.receipt)
    started = time.perf_counter()
    verify(receipt, key, arguments.context.encode("utf-8", "surrogateescape"))
    elapsed = time.perf_counter() - started
    print(f"valid: the committed model {key.model_commitment.hex()[:16]} computed these outputs ({1000 * elapsed:.1f} ms)")
    if receipt.hidden:
        print(f"  {', '.join(receipt.hidden)} (hidden), and everything inside the model")
    for signature, value in zip(key.outputs, receipt.outputs):
        if value is not None:
            count = key.count_of(signature.name)
            padded = f" (padded with zeros: {count} says how much counts)" if count else ""
            print(f"  {signature.name} {list(value.shape)}{padded}: {_short(value.reshape(-1).tolist())}")
    return 0


def _short(values: list, most: int = 12) -> str:
    shown = ", ".join(f"{v:.6g}" if isinstance(v, float) else str(v) for v in values[:most])
    return shown + (f", ... ({len(values)} values)" if len(values) > most else "")
