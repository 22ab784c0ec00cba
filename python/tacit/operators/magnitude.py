"""Arrays of weights as they come: how large they are, and that they are numbers."""

from __future__ import annotations

from math import fsum

import numpy as np

from tacit.errors import ModelError
from tacit.numbers.fixed import PIECE


def magnitude_bits(array: np.ndarray) -> float:
    """log2 of the root mean square of an array; infinite for zeros, which need no precision. Rounded, so that machines
    that sum in another order agree."""
    flat = array.reshape(-1)
    pieces = (flat[start : start + PIECE].astype(np.float64) for start in range(0, flat.size, PIECE))
    square = fsum(float(np.square(piece, out=piece).sum()) for piece in pieces) / max(flat.size, 1)
    return round(0.5 * float(np.log2(square)), 6) if square > 0 else float("inf")


def require_finite(name: str, array: np.ndarray) -> None:
    """Raises ModelError when weights hold an infinity or a value that is not a number."""
    if not np.isfinite(array).all():
        raise ModelError(f"The weights {name!r} hold an infinity or a value that is not a number: repair the model.")
