"""The element types of GGUF files as float32: plain floats, and blocks of small integers with scales.

Layouts as the format's block structures in ggml (ggml-common.h) define them; every function takes uint8[blocks, bytes a
block] and gives float32[blocks, elements a block].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tacit.frontends.checkpoint import brain_floats


@dataclass(frozen=True)
class Blocks:
    """A type: `elements` of them take `bytes`."""

    name: str
    elements: int
    bytes: int
    floats: Callable[[np.ndarray], np.ndarray]


def half(blocks: np.ndarray, at: int) -> np.ndarray:
    """The float16 at a byte of every block, as a column."""
    return np.ascontiguousarray(blocks[:, at : at + 2]).view("<f2").astype(np.float32)


def nibbles(cells: np.ndarray) -> np.ndarray:
    """All low halves of a block's bytes, then all high ones."""
    return np.concatenate([cells & 15, cells >> 4], axis=-1)


def f32(blocks: np.ndarray) -> np.ndarray:
    return blocks.view("<f4").astype(np.float32)


def f16(blocks: np.ndarray) -> np.ndarray:
    return blocks.view("<f2").astype(np.float32)


def bf16(blocks: np.ndarray) -> np.ndarray:
    return brain_floats(blocks.view("<u2"))


def q4_0(blocks: np.ndarray) -> np.ndarray:
    """d (q - 8): d, 16 bytes of q."""
    return half(blocks, 0) * (nibbles(blocks[:, 2:]).astype(np.float32) - 8)


def q4_1(blocks: np.ndarray) -> np.ndarray:
    """d q + m: d, m, 16 bytes of q."""
    return half(blocks, 0) * nibbles(blocks[:, 4:]).astype(np.float32) + half(blocks, 2)


def fifth_bits(blocks: np.ndarray, at: int) -> np.ndarray:
    """Bit j of a 32-bit word, at place 4 of element j."""
    word = np.ascontiguousarray(blocks[:, at : at + 4]).view("<u4")
    return ((word >> np.arange(32, dtype=np.uint32) & 1) << 4).astype(np.uint8)


def q5_0(blocks: np.ndarray) -> np.ndarray:
    """d (q - 16): d, 32 high bits, 16 bytes of low halves."""
    q = nibbles(blocks[:, 6:]) | fifth_bits(blocks, 2)
    return half(blocks, 0) * (q.astype(np.float32) - 16)


def q5_1(blocks: np.ndarray) -> np.ndarray:
    """d q + m: d, m, 32 high bits, 16 bytes of low halves."""
    q = nibbles(blocks[:, 8:]) | fifth_bits(blocks, 4)
    return half(blocks, 0) * q.astype(np.float32) + half(blocks, 2)


def q8_0(blocks: np.ndarray) -> np.ndarray:
    """d q: d, 32 signed bytes."""
    return half(blocks, 0) * blocks[:, 2:].view(np.int8).astype(np.float32)


def pairs(cells: np.ndarray) -> np.ndarray:
    """uint8[blocks, 64] -> [blocks, 8, 32] of two bits: part 4 h + i holds the pairs i of the 32 bytes h."""
    shifts = (2 * np.arange(4, dtype=np.uint8))[:, None]
    return (cells.reshape(-1, 2, 1, 32) >> shifts & 3).reshape(-1, 8, 32)


def q2_k(blocks: np.ndarray) -> np.ndarray:
    """d s q - m t for sixteen parts of 16: 16 bytes of s (low halves) and t (high ones), 64 bytes of `pairs`, d, m."""
    d = half(blocks, 80) * (blocks[:, :16] & 15).astype(np.float32)
    m = half(blocks, 82) * (blocks[:, :16] >> 4).astype(np.float32)
    q = pairs(blocks[:, 16:80]).reshape(-1, 16, 16).astype(np.float32)
    return (d[:, :, None] * q - m[:, :, None]).reshape(len(blocks), 256)


def q3_k(blocks: np.ndarray) -> np.ndarray:
    """d (s - 32) (q - 4) for sixteen parts of 16: 32 bytes of high bits (bit i of byte j: element j of 32-part i), 64 bytes of
    `pairs`, 12 bytes of s, d. Of s, 8 + 8 low halves, then in four bytes the pair i of byte j on top of scale 4 i + j."""
    high = blocks[:, None, :32] >> np.arange(8, dtype=np.uint8)[None, :, None] & 1
    q = (pairs(blocks[:, 32:96]) | high << 2).reshape(-1, 16, 16).astype(np.float32) - 4
    tops = blocks[:, None, 104:108] >> (2 * np.arange(4, dtype=np.uint8))[:, None] & 3
    scales = (nibbles(blocks[:, 96:104]) | tops.reshape(-1, 16) << 4).astype(np.float32) - 32
    return ((half(blocks, 108) * scales)[:, :, None] * q).reshape(len(blocks), 256)


def six_bits(packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eight scales and eight minima of 6 bits in 12 bytes: the first four whole, of the others 4 bits in the last bytes and 2
    on top of the first ones'."""
    first, second, last = packed[:, 0:4], packed[:, 4:8], packed[:, 8:12]
    scales = np.concatenate([first & 63, (last & 15) | (first >> 6) << 4], axis=1)
    minima = np.concatenate([second & 63, (last >> 4) | (second >> 6) << 4], axis=1)
    return scales.astype(np.float32), minima.astype(np.float32)


def by_eighths(blocks: np.ndarray, q: np.ndarray) -> np.ndarray:
    """d s q - m t for eight parts of 32, s and t their scale and minimum: d, m, 12 bytes of `six_bits`."""
    scales, minima = six_bits(blocks[:, 4:16])
    d, m = half(blocks, 0) * scales, half(blocks, 2) * minima
    return (d[:, :, None] * q.astype(np.float32) - m[:, :, None]).reshape(len(blocks), 256)


def q4_k(blocks: np.ndarray) -> np.ndarray:
    """128 bytes of q: in each 32, part 2 i in the low halves and part 2 i + 1 in the high ones."""
    return by_eighths(blocks, nibbles(blocks[:, 16:].reshape(-1, 4, 32)).reshape(-1, 8, 32))


def q5_k(blocks: np.ndarray) -> np.ndarray:
    """As q4_k after 32 bytes of high bits: bit i of byte j belongs to element j of part i."""
    q = nibbles(blocks[:, 48:].reshape(-1, 4, 32)).reshape(-1, 8, 32)
    high = blocks[:, None, 16:48] >> np.arange(8, dtype=np.uint8)[None, :, None] & 1
    return by_eighths(blocks, q | high << 4)


def q6_k(blocks: np.ndarray) -> np.ndarray:
    """d s (q - 32) for sixteen parts of 16: 128 bytes of low halves, 64 bytes of four high pairs, 16 signed scales, d.

    Each half of a block has 64 and 32 of the bytes: its quarters 0, 1 in the low halves of the first and second 32 bytes,
    2, 3 in the high ones; quarter i takes the pair i of each of the 32.
    """
    low = nibbles(blocks[:, :128].reshape(-1, 2, 64)).reshape(-1, 2, 4, 32)
    q = (low | pairs(blocks[:, 128:192]).reshape(-1, 2, 4, 32) << 4).astype(np.float32).reshape(-1, 16, 16) - 32
    scales = blocks[:, 192:208].view(np.int8).astype(np.float32)
    return ((half(blocks, 208) * scales)[:, :, None] * q).reshape(len(blocks), 256)


TYPES = {
    0: Blocks("F32", 1, 4, f32),
    1: Blocks("F16", 1, 2, f16),
    2: Blocks("Q4_0", 32, 18, q4_0),
    3: Blocks("Q4_1", 32, 20, q4_1),
    6: Blocks("Q5_0", 32, 22, q5_0),
    7: Blocks("Q5_1", 32, 24, q5_1),
    8: Blocks("Q8_0", 32, 34, q8_0),
    10: Blocks("Q2_K", 256, 84, q2_k),
    11: Blocks("Q3_K", 256, 110, q3_k),
    12: Blocks("Q4_K", 256, 144, q4_k),
    13: Blocks("Q5_K", 256, 176, q5_k),
    14: Blocks("Q6_K", 256, 210, q6_k),
    30: Blocks("BF16", 1, 2, bf16),
}
"""ggml's type number -> type."""
