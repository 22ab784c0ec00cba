"""Tacit proves that a committed model, and no other, computed an output.

    model = tacit.compile("model.onnx", samples=x)
    receipt = model.prove(x[0])
    tacit.verify(receipt, model.key)
"""

from tacit.machine import require_features

require_features()

from tacit.errors import InputError, InvalidReceipt, ModelError, TacitError, UnsupportedOperator  # noqa: E402
from tacit.key import Key  # noqa: E402
from tacit.receipt import Receipt  # noqa: E402
from tacit.verify import verify  # noqa: E402

__all__ = [
    "InputError",
    "InvalidReceipt",
    "Key",
    "Model",
    "ModelError",
    "Receipt",
    "TacitError",
    "UnsupportedOperator",
    "compile",
    "prove",
    "verify",
]
__version__ = "0.1.0"


def __getattr__(name: str):  # the compiler is imported when it is first used
    if name in ("compile", "prove"):
        from tacit import api

        return getattr(api, name)
    if name == "Model":
        from tacit.model import Model

        return Model
    raise AttributeError(f"module 'tacit' has no attribute {name!r}")
