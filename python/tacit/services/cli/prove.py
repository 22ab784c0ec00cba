"""tacit prove MODEL.tacit --input FILE -o OUT.receipt [--hide NAMES|none] [--context TEXT]"""

from __future__ import annotations

import argparse
import os
import time

from tacit import storage
from tacit.errors import InputError
from tacit.model import Model
from tacit.report import saturation_text


def run(arguments: argparse.Namespace) -> int:
    output = arguments.output
    hide = None if arguments.hide is None else () if arguments.hide == "none" else arguments.hide.split(",")
    if str(storage.require_target(output)) in map(os.path.realpath, (arguments.model, arguments.input)):
        raise InputError(f"{output} would overwrite what is read; name another output.")
    model = Model.load(arguments.model)
    model.prepare()
    started = time.perf_counter()
    receipt = model.prove(arguments.input, hide=hide, context=arguments.context.encode("utf-8", "surrogateescape"))
    elapsed = time.perf_counter() - started
    receipt.save(output)
    hidden = ", ".join(receipt.hidden) or "nothing"
    print(f"wrote {output}: {len(receipt.to_bytes()):,} bytes, proved in {elapsed:.3f} s; hidden: {hidden}")
    if model.saturated:
        print(f"saturated (not in the receipt): {saturation_text(tuple(model.saturated.items()))}")
    return 0
