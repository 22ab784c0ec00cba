"""tacit generate MODEL.tacit --prompt TEXT -o OUT.receipt [--seed TEXT] [--hide NAMES|none] [--context TEXT], or a conversation's
folder in place of both files"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from tacit import storage
from tacit.conversation import Conversation
from tacit.errors import InputError
from tacit.model import Model
from tacit.services.cli.compile import require_new
from tacit.services.cli.prove import hidden


def run(arguments: argparse.Namespace) -> int:
    if (arguments.prompt is None) == (arguments.tokens is None):
        raise InputError("Give a prompt: --prompt TEXT, or --tokens N,N,...")
    if Path(arguments.model).is_dir():
        return conversation(arguments)
    if arguments.new_tokens is not None:
        raise InputError("How many tokens this model writes was said to tacit compile: leave --new-tokens out.")
    if str(storage.require_target(arguments.output)) == os.path.realpath(arguments.model):
        raise InputError(f"{arguments.output} would overwrite the model file; name another output.")
    model = Model.load(arguments.model)
    model.prepare()
    started = time.perf_counter()
    written = model.generate(
        arguments.tokens if arguments.prompt is None else arguments.prompt,
        **stated(arguments),
    )
    elapsed = time.perf_counter() - started
    written.receipt.save(arguments.output)
    print(" ".join(map(str, written.tokens)) if written.text is None else written.text)
    size = len(written.receipt.to_bytes())
    concealed = ", ".join(written.receipt.hidden) or "nothing"
    print(f"wrote {arguments.output}: {size:,} bytes, written and proved in {elapsed:.3f} s; hidden: {concealed}")
    return 0


def stated(arguments: argparse.Namespace) -> dict[str, Any]:
    """Seed, what is hidden, and the context, as the options say."""
    return {
        "seed": None if arguments.seed is None else arguments.seed.encode("utf-8", "surrogateescape"),
        "hide": hidden(arguments.hide),
        "context": arguments.context.encode("utf-8", "surrogateescape"),
    }


def conversation(arguments: argparse.Namespace) -> int:
    """An answer in chunks: 0.receipt, 1.receipt, .. in a folder."""
    folder = Path(arguments.output)
    require_new(folder, ".receipt", "receipts")
    talk = Conversation.load(arguments.model)
    started = time.perf_counter()
    prompt = arguments.tokens if arguments.prompt is None else arguments.prompt
    said = talk.answer(prompt, new_tokens=arguments.new_tokens, **stated(arguments))
    elapsed = time.perf_counter() - started
    folder.mkdir(parents=True, exist_ok=True)
    for chunk, receipt in enumerate(said.receipts):
        receipt.save(folder / f"{chunk}.receipt")
    print(" ".join(map(str, said.tokens)) if said.text is None else said.text)
    size = sum(len(receipt.to_bytes()) for receipt in said.receipts)
    print(f"wrote {folder}: {len(said.receipts)} receipts, {size:,} bytes, written and proved in {elapsed:.3f} s")
    return 0
