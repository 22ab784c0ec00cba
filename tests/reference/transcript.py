"""Keccak-256, the Fiat-Shamir transcript, and the proof as a stream of messages (docs/transcript.md)."""

from __future__ import annotations

from .field import K, P
from .refused import Refused

MASK = 2**64 - 1
RATE = 136


def _rotations() -> list[tuple[int, int, int]]:
    """(source lane, target lane, rotation) of the steps rho and pi; lane x + 5 y."""
    steps, x, y = [(0, 0, 0)], 1, 0
    for t in range(24):
        steps.append((x + 5 * y, y + 5 * ((2 * x + 3 * y) % 5), (t + 1) * (t + 2) // 2 % 64))
        x, y = y, (2 * x + 3 * y) % 5
    return steps


def _round_constants() -> list[int]:
    """Bit 2^j - 1 of the constant of round i is output 7 i + j of the register x^8 + x^6 + x^5 + x^4 + 1."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if register & 1:
                constant |= 1 << (2**j - 1)
            register = register << 1 ^ (0x171 if register >> 7 else 0)
        constants.append(constant)
    return constants


ROTATIONS, ROUND_CONSTANTS = _rotations(), _round_constants()


def permute(a: list[int]) -> list[int]:
    """Keccak-f[1600] on 25 lanes."""
    b = [0] * 25
    for constant in ROUND_CONSTANTS:
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        d = [c[x - 1] ^ ((c[(x + 1) % 5] << 1 | c[(x + 1) % 5] >> 63) & MASK) for x in range(5)]
        for source, target, by in ROTATIONS:
            lane = a[source] ^ d[source % 5]
            b[target] = (lane << by | lane >> (64 - by)) & MASK
        a = [b[y + i] ^ (~b[y + (i + 1) % 5] & b[y + (i + 2) % 5]) for y in range(0, 25, 5) for i in range(5)]
        a[0] ^= constant
    return a


def keccak256(message: bytes) -> bytes:
    """Keccak with rate 136, padding 0x01 .. 0x80 (not SHA3-256)."""
    padded = bytearray(message + b"\1" + bytes(-(len(message) + 1) % RATE))
    padded[-1] |= 0x80
    state = [0] * 25
    for start in range(0, len(padded), RATE):
        for i in range(RATE // 8):
            state[i] ^= int.from_bytes(padded[start + 8 * i : start + 8 * i + 8], "little")
        state = permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def frame(data: bytes) -> bytes:
    return len(data).to_bytes(8, "little") + data


class Transcript:
    """state = Keccak-256(2 | state | frame(label) | frame(message)); block = Keccak-256(3 | state | counter | frame(label))."""

    def __init__(self, domain: str) -> None:
        self.state, self.counter = keccak256(b"\4" + domain.encode()), 0

    def absorb(self, label: str, message: bytes) -> None:
        self.state = keccak256(b"\2" + self.state + frame(label.encode()) + frame(message))
        self.counter = 0

    def _words(self, label: str) -> list[int]:
        block = keccak256(b"\3" + self.state + self.counter.to_bytes(8, "little") + frame(label.encode()))
        self.counter += 1
        return [int.from_bytes(block[i : i + 8], "little") for i in range(0, 32, 8)]

    def draw(self, label: str) -> K:
        """The first three words below p."""
        words: list[int] = []
        while len(words) < 3:
            words += [w for w in self._words(label) if w < P]
        return K(*words[:3])

    def positions(self, label: str, log_length: int, count: int) -> list[int]:
        """`count` distinct positions below 2^log_length, ascending; all of them, without drawing, when there are no more."""
        if 1 << log_length <= count:
            return list(range(1 << log_length))
        found: set[int] = set()
        while len(found) < count:
            for word in self._words(label):
                if len(found) < count:
                    found.add(word % (1 << log_length))
        return sorted(found)


class Proof:
    """The verifier's walk: messages are read, absorbed and answered by challenges, in one order. As a reading its values are in K;
    hiding.py has the other one.

    `places` records what was read: (label, first byte, last byte + 1).
    """

    def __init__(self, transcript: Transcript, data: bytes) -> None:
        self.transcript, self.data, self.at = transcript, data, 0
        self.places: list[tuple[str, int, int]] = []

    def take(self, label: str, count: int) -> bytes:
        """Bytes that are not absorbed."""
        if len(self.data) - self.at < count:
            raise Refused("truncated", f"the proof ends inside {label}")
        self.places.append((label, self.at, self.at + count))
        self.at += count
        return self.data[self.at - count : self.at]

    def receive_bytes(self, label: str, count: int) -> bytes:
        data = self.take(label, count)
        self.transcript.absorb(label, data)
        return data

    def receive(self, label: str) -> K:
        return K(*words(self.receive_bytes(label, 24), label))

    def receive_many(self, label: str, count: int) -> list[K]:
        return [self.receive(label) for _ in range(count)]

    def constant(self, value: K) -> K:
        return value

    def multiply(self, a: K, b: K) -> K:
        return a * b

    def require_zero(self, value: K, check: str) -> None:
        require(value == 0, check)

    def draw(self, label: str) -> K:
        return self.transcript.draw(label)

    def draw_many(self, label: str, count: int) -> list[K]:
        return [self.draw(label) for _ in range(count)]

    def finish(self) -> None:
        if self.at != len(self.data):
            raise Refused("trailing", "bytes follow the end of the proof")


def words(data: bytes, label: str) -> list[int]:
    """Little-endian words, each below p."""
    found = [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]
    if any(w >= P for w in found):
        raise Refused("noncanonical", f"{label} is not in canonical form")
    return found


def require(condition: bool, check: str) -> None:
    if not condition:
        raise Refused("check", f"the check of {check} fails")
