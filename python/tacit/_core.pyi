from _typeshed import Incomplete
from collections.abc import Sequence
from os import PathLike
from typing import final
from typing_extensions import Buffer

@final
class Progress:
    """
    How far a computation is, and the flag that stops it.
    """
    def __new__(cls, /) -> Progress: ...
    def fraction(self, /) -> float:
        """
        Done share, 0 to 1.
        """
    def stages(self, /) -> list[tuple[str, float]]:
        """
        (stage, seconds) of every stage that has ended.
        """
    def stop(self, /) -> None:
        """
        Asks the computation to stop.
        """

@final
class Prover:
    """
    A circuit whose weights are committed.
    """
    def __new__(cls, /, circuit: bytes, weights: bytes | bytearray, progress: Progress, seed: Sequence[int] | None = None, digests: bytes | None = None) -> Prover:
        """
        Commits to the weights, which stay where they are; with a secret seed, so that proofs can hide. `digests`: of an earlier
        commitment to them, which is taken over unseen: compare the key.
        """
    def digests(self, /) -> bytes:
        """
        What makes the commitment again without encoding the weights; empty when that is quick.
        """
    def encode_weights(self, /, path: str | PathLike[str], progress: Progress) -> None:
        """
        Writes the encoded weights into an existing file, where proofs read what they show of them from now on.
        """
    def encoded_bytes(self, /) -> int | None:
        """
        Bytes of the encoded weights, where they are too many to be held in memory.
        """
    def key(self, /) -> bytes:
        """
        The bytes of the verifier's key.
        """
    def prove(self, /, public: bytes, witness: bytes | bytearray | Witness, context: bytes, progress: Progress, hide: bytes | None = None, named: Sequence[tuple[int, Sequence[int]]] = ...) -> bytes:
        """
        The bytes of a receipt; `hide` has one byte (0 or 1) for the weights and one per
        binding; without it the proof is transparent. `named`: (binding, secret of 32 bytes), bindings ascending, of hidden tensors that
        get commitments of their own.
        """
    def take_encoded(self, /, path: str | PathLike[str]) -> bool:
        """
        Takes a file of `encode_weights`; whether it is of this commitment.
        """

@final
class Receipt:
    """
    A parsed receipt. Nothing in it is true before it was verified.
    """
    def __new__(cls, /, data: bytes) -> Receipt: ...
    def circuit_digest(self, /) -> bytes: ...
    def context(self, /) -> bytes: ...
    def hidden(self, /) -> bytes | None:
        """
        One byte (0 or 1) for the weights and one per binding: what is hidden. None for a transparent proof.
        """
    def named(self, /) -> list[tuple[int, bytes, bytes]]:
        """
        (binding, root, seal) of the hidden tensors that have commitments of their own.
        """
    def publics(self, /) -> list[bytes]:
        """
        The columns of the tensors that are not hidden, in the order of the circuit's bindings.
        """
    def sizes(self, /) -> list[tuple[str, int]]:
        """
        (part, bytes) of the receipt's parts.
        """
    def to_bytes(self, /) -> bytes: ...
    def weights_root(self, /) -> bytes: ...

@final
class VerifyingKey:
    """
    A parsed key.
    """
    def __new__(cls, /, data: bytes) -> VerifyingKey: ...
    def circuit(self, /) -> bytes: ...
    def circuit_digest(self, /) -> bytes: ...
    def hiding_security(self, /) -> tuple[list[tuple[str, float]], float] | None:
        """
        Every soundness term in bits, and their sum, of proofs that hide all that can be hidden; None for a key of transparent proofs.
        """
    def publics(self, /) -> list[tuple[str, bool, str, list[int], int, int, int, int]]:
        """
        One tuple a binding: name, is_output, dtype, shape, exponent, lowest, highest, cell bytes.
        """
    def security(self, /) -> tuple[list[tuple[str, float]], float]:
        """
        Every soundness term in bits, and their sum.
        """
    def sizes(self, /) -> list[tuple[str, int]]:
        """
        (name, number) of columns, relations, rows of a limb, limbs and queries.
        """
    def to_bytes(self, /) -> bytes: ...
    def verify(self, /, receipt: Receipt, context: bytes) -> None:
        """
        Raises Refused unless the receipt is valid for this key and context.
        """
    def weights_identity(self, /) -> bytes:
        """
        What says which weights: equal for keys of one commitment, and for no others.
        """
    def weights_root(self, /) -> bytes: ...
    def weights_seal(self, /) -> bytes:
        """
        The value of all limbs of the weights at a point that the root decides: 24 bytes.
        """

@final
class Witness:
    """
    The cells of columns, one behind the other: copied once, into the core's memory, so that the columns can go.
    """
    def __len__(self, /) -> int: ...
    def __new__(cls, /, columns: Sequence[Buffer]) -> Witness:
        """
        `columns`: contiguous bytes each, of any kind that shows its memory.
        """

def array_memory_handler() -> int:
    """
    The address of a `PyDataMem_Handler` (NEP 49) whose arrays are of this memory; 0 where there is none.
    """

def check(circuit: bytes, weights: bytes, public: bytes, witness: bytes) -> tuple[str, str, list[int]] | None:
    """
    The oracle: None when the witness satisfies the circuit, else (relation, kind, index).
    """

def commitment(circuit: bytes, binding: int, cells: bytes, secret: Sequence[int], progress: Progress) -> tuple[bytes, bytes]:
    """
    (root, seal): the commitment that a tensor with this secret has in every receipt of the circuit.
    """

def digest(circuit: bytes) -> bytes:
    """
    Keccak-256 of a circuit's bytes.
    """

def finish(circuit: bytes, openings: int = 0, receipts: str = "quick", like: tuple[int, int, int] | None = None) -> bytes:
    """
    Chooses the parameters of an unfinished circuit (docs/circuit.md) and returns the bytes of the finished one. Its weights' commitment
    serves `openings` proofs that hide; `receipts`: "quick" or "small". With `like`, (log_rows, log_inverse_rate, reserved) of another
    circuit over the same weights, it is that circuit's.
    """

def give_back_held_memory() -> None:
    """
    Gives them back to the system.
    """

def held_memory() -> int:
    """
    Bytes that are kept for the next proof and that nothing uses.
    """

def security_of_size(leaves: int, cells: int) -> tuple[list[tuple[str, float]], float]:
    """
    Every soundness term in bits, and their sum, of a circuit of so many leaves and committed cells, as `finish` would choose.
    """

def __getattr__(name: str) -> Incomplete: ...
