"""A place of a row drawn with probabilities that follow from scores: temperature, truncation, inverse distribution function."""

from __future__ import annotations

import numpy as np

from tacit.numbers.drawing import FACTOR_BITS, MASS_BITS, UNIFORM_BITS
from tacit.primitives import arithmetic, movement
from tacit.primitives.builder import Builder, gadget
from tacit.primitives.gadgets.comparison import compare
from tacit.primitives.gadgets.digits import digits, once, require_fits, require_injective
from tacit.primitives.gadgets.selection import before_and_steps
from tacit.primitives.gadgets.softmax import Exponentials, exponentials
from tacit.primitives.tensor import Tensor


@gadget("sample")
def sample(
    b: Builder, name: str, x: Tensor, uniform: Tensor, step: int, factor: int = 1 << FACTOR_BITS, most: int = 0, mass: int = 0
) -> Tensor:
    """A place along the last dimension of the scores x [.., n], drawn by `uniform` [..], 0 <= uniform < 2^UNIFORM_BITS by its
    proved interval.

    Weights: e_j = exp(factor 2^-FACTOR_BITS (x_j - max x)) as `exponentials` has them with `step` bits after the point; those below
    the `most`-th largest become 0 (0: none do), then those that `kept` leaves out of `mass` 2^-MASS_BITS of the rest (0: none). The
    place is the first one up to which, itself included, more than uniform 2^-UNIFORM_BITS of all weight lies (`drawn`).
    Unique: a chain of gadgets that are. Raises ModelError where scores spread too far.
    """
    require_fits(f"{name}/uniform", uniform, 0, (1 << UNIFORM_BITS) - 1)
    scaled = (x * factor).with_exponent(x.exponent + FACTOR_BITS)
    weights = exponentials(b, name, scaled, Exponentials(step))
    if 0 < most < x.shape[-1]:
        weights = kept(b, f"{name}/most", weights, most)
    if 0 < mass < 1 << MASS_BITS:
        weights = kept(b, f"{name}/mass", weights, mass, by_mass=True)
    return drawn(b, f"{name}/drawn", weights, uniform)


@gadget("kept")
def kept(b: Builder, name: str, weights: Tensor, level: int, by_mass: bool = False) -> Tensor:
    """The weights w_j >= t, 0 in place of the others; t is the largest integer for which what is kept reaches the level: `level`
    places of the row, or `level` 2^-MASS_BITS of its weight. Columns of witness, w_j >= 0 and not all of them 0.

    With C(t) the count (the weight times 2^MASS_BITS) of what is kept: C(t) - L and L - 1 - C(t + 1) in R (digits), L the level
    (times the row's weight). Cells: flags w_j >= t and w_j >= t + 1 (`compare`), the product. Unique: all w_j - t lie in an
    interval that the comparisons prove, so t is an integer near them; C falls from L or more at 0 to 0, so one t alone is the
    last that reaches L.
    """
    weights, size = weights.with_exponent(0), weights.shape[-1]
    row = (*weights.shape[:-1], 1)
    threshold = b.commit(
        f"{name}/threshold", row, 0, weights.high, once(lambda: threshold_of(b.value(weights), level, by_mass))
    )
    reaching = compare(b, f"{name}/reaching", weights, threshold)
    beyond = compare(b, f"{name}/beyond", weights, threshold + 1)
    remaining = b.copy(arithmetic.multiply(b, weights, reaching).bounded(0, weights.high), f"{name}/weights")
    if by_mass:
        most = size * weights.high << MASS_BITS
        level_of = arithmetic.reduce_sum(b, weights, [-1], keepdims=True) * level
        measured = arithmetic.reduce_sum(b, remaining, [-1], keepdims=True) * (1 << MASS_BITS)
        above = arithmetic.reduce_sum(b, arithmetic.multiply(b, weights, beyond), [-1], keepdims=True) * (1 << MASS_BITS)
    else:
        most = size
        level_of = arithmetic.reduce_sum(b, weights * 0, [-1], keepdims=True) + level
        measured = arithmetic.reduce_sum(b, reaching, [-1], keepdims=True)
        above = arithmetic.reduce_sum(b, beyond, [-1], keepdims=True)
    width = most.bit_length()
    require_injective(name, 2 << width)
    digits(b, f"{name}/reached", movement.plus(b, measured, -level_of).bounded(0, (1 << width) - 1), width)
    digits(b, f"{name}/missed", movement.plus(b, level_of - 1, -above).bounded(0, (1 << width) - 1), width)
    return remaining


@gadget("drawn")
def drawn(b: Builder, name: str, weights: Tensor, uniform: Tensor) -> Tensor:
    """The place i along the last dimension of w [.., n] with W_(i-1) 2^B <= u S < W_i 2^B, B = UNIFORM_BITS, W_i = w_0 + .. + w_i
    and S all of a row's weight; u [..], 0 <= u < 2^B by its proved interval. Columns of witness, w_j >= 0 and not all of them 0.

    With p_j = [j >= i] (`before_and_steps`): sum_j (1 - p_j) w_j is W_(i-1), sum_j (1 - p_(j-1)) w_j is W_i; both inequalities as
    digits. Cells 1, leaves 1 an element. Unique: W never falls and u S < S 2^B, so that one place alone fits.
    """
    size = weights.shape[-1]
    if size == 1:
        return arithmetic.reduce_sum(b, weights * 0, [-1]).bounded(0, 0).with_exponent(0)
    width = UNIFORM_BITS + (size * weights.high).bit_length()
    require_injective(name, 2 << width)
    u = movement.unsqueeze(b, uniform, [-1])
    index = once(lambda: place_of(b.value(weights), b.value(u)))
    places = np.arange(size)
    reached = b.commit(f"{name}/reached", weights.shape, 0, 1, lambda: (places >= index()).astype(np.int64))
    before, _ = before_and_steps(b, name, reached, -1)
    share = arithmetic.reduce_sum(b, arithmetic.multiply(b, u, weights), [-1], keepdims=True)
    least, greatest = (
        arithmetic.reduce_sum(b, arithmetic.multiply(b, 1 - p, weights), [-1], keepdims=True) * (1 << UNIFORM_BITS)
        for p in (reached, before)
    )
    digits(b, f"{name}/least", movement.plus(b, share, -least).bounded(0, (1 << width) - 1), width)
    digits(b, f"{name}/greatest", movement.plus(b, greatest - 1, -share).bounded(0, (1 << width) - 1), width)
    return (size - arithmetic.reduce_sum(b, reached, [-1])).bounded(0, size - 1).with_exponent(0)


def threshold_of(weights: np.ndarray, level: int, by_mass: bool) -> np.ndarray:
    """The largest integer for which `kept` reaches its level, int64 [.., 1]."""
    ordered = -np.sort(-weights, axis=-1)
    if not by_mass:
        return ordered[..., level - 1 : level]
    mass = np.cumsum(ordered, axis=-1)
    first = ((mass << MASS_BITS) >= mass[..., -1:] * level).argmax(axis=-1)[..., None]
    return np.take_along_axis(ordered, first, -1)


def place_of(weights: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """The place that `drawn` finds, int64 [.., 1]; `uniform` [.., 1]."""
    mass = np.cumsum(weights, axis=-1)
    return ((mass << UNIFORM_BITS) > mass[..., -1:] * uniform).argmax(axis=-1)[..., None]
