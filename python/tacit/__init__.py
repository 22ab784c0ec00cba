"""Tacit proves that a committed model, and no other, computed an output.

model = tacit.compile("model.onnx", samples=x)
receipt = model.prove(x[0])
tacit.verify(receipt, model.key)
"""

import logging
from typing import Any

from tacit.machine import give_back_memory, require_features

require_features()
logging.getLogger("tacit").addHandler(logging.NullHandler())

from tacit.conversed import verify_conversation  # noqa: E402
from tacit.errors import InputError, InvalidReceipt, ModelError, TacitError, UnsupportedOperator  # noqa: E402
from tacit.generated import Generated, verify_generation  # noqa: E402
from tacit.key import Key  # noqa: E402
from tacit.links import Link, Opening, verify_chain, verify_opening  # noqa: E402
from tacit.receipt import Commitment, Receipt  # noqa: E402
from tacit.verify import verify  # noqa: E402

__all__ = [
    "Chunk",
    "Commitment",
    "Committed",
    "Conversation",
    "Generated",
    "Generation",
    "ImageScale",
    "InputError",
    "InvalidReceipt",
    "Key",
    "Link",
    "Model",
    "ModelError",
    "Opening",
    "Receipt",
    "TacitError",
    "Sampling",
    "Tolerance",
    "UnsupportedOperator",
    "compile",
    "compile_conversation",
    "give_back_memory",
    "open_commitment",
    "prove",
    "verify",
    "verify_chain",
    "verify_conversation",
    "verify_generation",
    "verify_opening",
]
__version__ = "0.1.0"


LAZY = {"compile": "api", "Conversation": "conversation", "compile_conversation": "conversation",
         "prove": "api", "Committed": "commitments", "open_commitment": "commitments",
        "Model": "model", "ImageScale": "images", "Tolerance": "search",
        "Chunk": "frontends.generation", "Generation": "frontends.generation", "Sampling": "numbers.drawing"}


def __getattr__(name: str) -> Any:  # the compiler is imported when it is first used
    if name not in LAZY:
        raise AttributeError(f"module 'tacit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"tacit.{LAZY[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
