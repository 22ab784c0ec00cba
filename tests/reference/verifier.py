"""Receipt, key, context -> nothing, or why not (docs/protocol.md from the first stage to the last)."""

from __future__ import annotations

from dataclasses import dataclass

from . import contract, lookup, opening, wellformed
from .circuit import FORMAT, PUBLIC, Circuit, Reader, decode, integers
from .field import ONE, ZERO, K
from .forms import Claim, FormTerm, Views, known
from .layout import Layout
from .refused import Refused
from .security import bits_of
from .transcript import Proof, Transcript, keccak256

BITS = 128
LARGEST = 2**30


@dataclass
class Key:
    circuit: Circuit
    digest: bytes
    weights_root: bytes
    layout: Layout


@dataclass
class Receipt:
    circuit_digest: bytes
    weights_root: bytes
    publics: tuple[bytes, ...]
    context: bytes
    witness_root: bytes
    proof: bytes


def read_receipt(data: bytes) -> Receipt:
    if len(data) > LARGEST:
        raise Refused("noncanonical", "the receipt is too large")
    reader = Reader(data, "receipt")
    reader.header(b"R")
    receipt = Receipt(reader.raw(32), reader.raw(32), reader.list(reader.bytes), reader.bytes(), reader.raw(32), reader.bytes())
    reader.finish()
    return receipt


def read_key(data: bytes) -> Key:
    """A key whose circuit is well-formed and whose parameters give 128 bits; anything else is refused as `key`."""
    try:
        if len(data) > LARGEST:
            raise Refused("key", "the key is too large")
        reader = Reader(data, "key")
        reader.header(b"K")
        encoded, root = reader.bytes(), reader.raw(32)
        reader.finish()
        circuit = decode(encoded)
        wellformed.check(circuit)
        layout = Layout(circuit)
    except Refused as error:
        raise Refused("key", str(error)) from None
    if (found := bits_of(circuit, layout)) < BITS:
        raise Refused("key", f"its parameters give {found:.1f} bits of security, the profile asks for {BITS}")
    if sum(layout.widths) > 2**16:
        raise Refused("key", "there are too many limbs")
    return Key(circuit, keccak256(encoded), root, layout)


def public_values(circuit: Circuit, receipt: Receipt) -> dict[int, tuple[int, ...]]:
    """The public columns' integers, each inside its binding's interval."""
    if len(receipt.publics) != len(circuit.publics):
        raise Refused("public", "the receipt has another number of public tensors than the circuit")
    values = {}
    for binding, data in zip(circuit.publics, receipt.publics):
        column = circuit.columns[binding.column]
        cells = 1
        for d in column.shape:
            cells *= d
        if len(data) != cells * column.size:
            raise Refused("public", f"the public tensor {binding.name} has the wrong size")
        values[binding.column] = integers(data, column.size)
        if not all(binding.lowest <= value <= binding.highest for value in values[binding.column]):
            raise Refused("public", f"the public tensor {binding.name} has a value outside its interval")
    return values


def bind(key: Key, receipt: Receipt) -> Transcript:
    """Stage 1: the statement, then the root of the witness."""
    transcript = Transcript("tacit")
    none = (0).to_bytes(4, "little")
    transcript.absorb("format", FORMAT.to_bytes(2, "little"))
    transcript.absorb("profile 128", key.circuit.parameters.encoded)
    transcript.absorb("hidden", none)
    transcript.absorb("circuit", receipt.circuit_digest)
    transcript.absorb("model commitment", receipt.weights_root)
    transcript.absorb("linked commitments", none)
    transcript.absorb("public tensors", len(receipt.publics).to_bytes(4, "little"))
    for public in receipt.publics:
        transcript.absorb("public tensor", public)
    transcript.absorb("context", receipt.context)
    transcript.absorb("witness commitment", receipt.witness_root)
    return transcript


def combine(circuit: Circuit, publics: dict[int, tuple[int, ...]], claims: list[Claim], zeta: K) -> Claim:
    """Stage 4: one claim on committed columns; terms on public columns are evaluated."""
    joined, power = Claim([], ZERO), ONE
    for claim in claims:
        joined.value = joined.value + power * claim.value
        for term in claim.form:
            if circuit.columns[term.column].home == PUBLIC:
                joined.value = joined.value - power * term.coefficient * known(publics[term.column], term.weights)
            else:
                joined.form.append(FormTerm(power * term.coefficient, term.column, term.weights))
        power = power * zeta
    return joined


def verify(receipt: bytes, key: bytes, context: bytes) -> None:
    """Returns None when the receipt is valid for this key and this context; raises Refused otherwise."""
    walk(receipt, key, context)


def walk(receipt: bytes, key: bytes, context: bytes) -> Proof:
    """`verify`, and what was read on the way."""
    held, given = read_key(key), read_receipt(receipt)
    circuit = held.circuit
    if given.circuit_digest != held.digest:
        raise Refused("circuit", "it was made for another circuit")
    if given.weights_root != held.weights_root:
        raise Refused("weights", "it was made with other weights")
    if given.context != context:
        raise Refused("context", "it was made for another context")
    publics = public_values(circuit, given)
    proof, views = Proof(bind(held, given), given.proof), Views()
    reduced = lookup.verify(circuit, views, proof)
    claims, w = contract.verify(circuit, reduced.virtuals, views, proof)
    if reduced.claims:
        reduced.claims[1].value = reduced.claims[1].value - w
    joined = combine(circuit, publics, reduced.claims + claims, proof.draw("combine"))
    roots = [given.weights_root, given.witness_root]
    opening.verify(
        circuit.parameters, held.layout.widths, roots, joined.value, proof, lambda point: held.layout.evaluate(joined.form, point)
    )
    proof.finish()
    return proof
