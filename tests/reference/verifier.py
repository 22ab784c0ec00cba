"""Receipt, key, context -> nothing, or why not (docs/protocol.md from the first stage to the last)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import contract, lookup, opening, wellformed
from .affine import Value
from .circuit import FORMAT, HIDING_FORMAT, KEY_FORMAT, NAMED, NAMED_FORMAT, WITNESS, Circuit, Reader, decode, integers
from .field import ONE, ZERO, K
from .forms import Claim, FormTerm, Views, known
from .hiding import Hidden, mask_terms, pads_term
from .layout import LEAST_LOG_LIMBS, Layout, clear
from .named import Named, named_columns, read_named, seal_claim
from .refused import Refused
from .seal import key_claim
from .security import bits_of, hidden_bits_of
from .transcript import Proof, Transcript, keccak256, require, words

BITS = 128
LARGEST = 2**30
LIMBS = 2**16
SALT = 16
"""Bytes that a leaf needs to hide its row; rows that make the key's seal uniform, besides those that are asked for."""


@dataclass
class Key:
    circuit: Circuit
    digest: bytes
    weights_root: bytes
    seal: K
    """Of the weights."""
    layout: Layout


@dataclass
class Receipt:
    circuit_digest: bytes
    weights_root: bytes
    hidden: bytes
    """One byte, 0 or 1, for the weights and for every binding; empty in a transparent receipt."""
    named: tuple[Named, ...]
    """Hidden tensors that have a commitment of their own."""
    publics: tuple[bytes, ...]
    context: bytes
    witness_root: bytes
    proof: bytes

    @property
    def format(self) -> int:
        return NAMED_FORMAT if self.named else HIDING_FORMAT if self.hidden else FORMAT

    def hides(self, binding: int) -> bool:
        return self.hidden[binding + 1 : binding + 2] == b"\1"


def read_receipt(data: bytes) -> Receipt:
    if len(data) > LARGEST:
        raise Refused("noncanonical", "the receipt is too large")
    reader = Reader(data, "receipt")
    number = reader.header(b"R", NAMED_FORMAT)
    digest, root, hidden = reader.raw(32), reader.raw(32), reader.bytes() if number >= HIDING_FORMAT else b""
    if number >= HIDING_FORMAT and not (1 in hidden and set(hidden) <= {0, 1}):
        raise Refused("noncanonical", "the hide set is not in canonical form")
    named = read_named(reader, hidden) if number == NAMED_FORMAT else ()
    receipt = Receipt(digest, root, hidden, named, reader.list(reader.bytes), reader.bytes(), reader.raw(32), reader.bytes())
    reader.finish()
    return receipt


def read_key(data: bytes) -> Key:
    """A key whose circuit is well-formed and whose parameters give 128 bits; anything else is refused as `key`."""
    try:
        if len(data) > LARGEST:
            raise Refused("key", "the key is too large")
        reader = Reader(data, "key")
        reader.header(b"K", KEY_FORMAT, KEY_FORMAT)
        encoded, root, seal = reader.bytes(), reader.raw(32), K(*words(reader.raw(24), "the seal"))
        reader.finish()
        circuit = decode(encoded)
        wellformed.check(circuit)
        layout = Layout(circuit)
    except Refused as error:
        raise Refused("key", str(error)) from None
    if (found := bits_of(circuit, layout)) < BITS:
        raise Refused("key", f"its parameters give {found:.1f} bits of security, the profile asks for {BITS}")
    if sum(layout.widths) > LIMBS:
        raise Refused("key", "there are too many limbs")
    return Key(circuit, keccak256(encoded), root, seal, layout)


def public_values(circuit: Circuit, receipt: Receipt) -> dict[int, tuple[int, ...]]:
    """The integers of the public columns that are not hidden, each inside its binding's interval."""
    shown = [binding for number, binding in enumerate(circuit.publics) if not receipt.hides(number)]
    if len(receipt.publics) != len(shown):
        raise Refused("public", "the receipt has another number of public tensors than the circuit")
    values = {}
    for binding, data in zip(shown, receipt.publics):
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
    transcript.absorb("format", receipt.format.to_bytes(2, "little"))
    transcript.absorb("profile 128", key.circuit.parameters.encoded)
    transcript.absorb("hidden", len(receipt.hidden).to_bytes(4, "little") + receipt.hidden)
    transcript.absorb("circuit", receipt.circuit_digest)
    transcript.absorb("model commitment", receipt.weights_root)
    transcript.absorb("model seal", key.seal.to_bytes())
    transcript.absorb("linked commitments", len(receipt.named).to_bytes(4, "little"))
    for each in receipt.named:
        transcript.absorb("linked commitment", each.to_bytes())
    transcript.absorb("public tensors", len(receipt.publics).to_bytes(4, "little"))
    for public in receipt.publics:
        transcript.absorb("public tensor", public)
    transcript.absorb("context", receipt.context)
    transcript.absorb("witness commitment", receipt.witness_root)
    return transcript


def outer(circuit: Circuit, reading: Proof | Hidden) -> list[Claim]:
    """Stages 2 and 3: all claims on columns."""
    views = Views()
    reduced = lookup.verify(circuit, views, reading)
    claims, w = contract.verify(circuit, reduced.virtuals, views, reading)
    if reduced.claims:
        reduced.claims[1].value = reduced.claims[1].value - w
    return reduced.claims + claims


def combine(publics: dict[int, tuple[int, ...]], claims: list[Claim], nothing: Value, zeta: K) -> Claim:
    """Stage 4: one claim on committed columns; terms on public columns are evaluated. `nothing`: the value zero."""
    joined, power = Claim([], nothing), ONE
    for claim in claims:
        joined.value = joined.value + claim.value * power
        for term in claim.form:
            if term.column in publics:
                joined.value = joined.value - power * term.coefficient * known(publics[term.column], term.weights)
            else:
                joined.form.append(FormTerm(power * term.coefficient, term.column, term.weights))
        power = power * zeta
    return joined


def hidden_circuit(circuit: Circuit, receipt: Receipt) -> Circuit:
    """The columns of hidden tensors are columns of the witness, or of a commitment of their own."""
    if len(receipt.hidden) != len(circuit.publics) + 1:
        raise Refused("noncanonical", "the hide set is not in canonical form")
    p = circuit.parameters
    if p.salt < SALT or p.folds[:1] == (1,) or p.reserved < clear(p, LEAST_LOG_LIMBS):
        raise Refused("hide", "its commitments cannot hide")
    homes = {binding.column: WITNESS for number, binding in enumerate(circuit.publics) if receipt.hides(number)}
    homes |= dict.fromkeys(named_columns(circuit, receipt.named), NAMED)
    columns = (replace(column, home=homes.get(number, column.home)) for number, column in enumerate(circuit.columns))
    return replace(circuit, columns=tuple(columns))


def reduce_transparent(key: Key, publics: dict[int, tuple[int, ...]], proof: Proof) -> tuple[list[FormTerm], K]:
    """Stages 2 to 4: a form on committed columns, and its value."""
    claims = [*outer(key.circuit, proof), key_claim(key.weights_root, key.seal, key.layout)]
    joined = combine(publics, claims, ZERO, proof.draw("combine"))
    return joined.form, joined.value


def reduce_hiding(
    key: Key, circuit: Circuit, publics: dict[int, tuple[int, ...]], proof: Proof, named: tuple[Named, ...] = ()
) -> tuple[Layout, list[FormTerm], K]:
    """The same of a receipt that hides, whose columns have the homes of `circuit`; its layout depends on how many variables the
    verifier met."""
    hidden = Hidden(proof)
    claims = outer(circuit, hidden)
    hidden.check_products()
    zeta = proof.draw("combine")
    columns = named_columns(circuit, named)
    layout = Layout(circuit, hidden.variables, columns)
    if sum(layout.widths) > LIMBS:
        raise Refused("hide", "there are too many limbs")
    found = hidden_bits_of(circuit, layout, len(hidden.products), len(hidden.zeros), columns)
    require(found >= BITS, "the bits of security of a hiding proof")
    claims += [Claim([], zero) for zero in hidden.zeros]
    claims.append(key_claim(key.weights_root, key.seal, layout))
    for each, column, seal in zip(named, columns, layout.seals):
        claims.append(seal_claim(each, column, circuit.columns[column].shape, seal))
    joined = combine(publics, claims, hidden.constant(ZERO), zeta)
    form, value = [*joined.form, pads_term(joined.value, hidden, layout.pads)], joined.value.constant
    z = proof.draw("mask point")
    masked = proof.receive("mask value")
    xi = proof.draw("mask combine")
    return layout, form + mask_terms(layout, z, xi), value + xi * masked


def verify(receipt: bytes, key: bytes, context: bytes) -> None:
    """Returns None when the receipt is valid for this key and this context; raises Refused otherwise."""
    walk(receipt, key, context)


def walk(receipt: bytes, key: bytes, context: bytes) -> Proof:
    """`verify`, and what was read on the way."""
    held, given = read_key(key), read_receipt(receipt)
    circuit, layout = held.circuit, held.layout
    if given.circuit_digest != held.digest:
        raise Refused("circuit", "it was made for another circuit")
    if given.weights_root != held.weights_root:
        raise Refused("weights", "it was made with other weights")
    if given.context != context:
        raise Refused("context", "it was made for another context")
    publics = public_values(circuit, given)
    proof = Proof(bind(held, given), given.proof)
    if given.hidden:
        layout, form, value = reduce_hiding(held, hidden_circuit(circuit, given), publics, proof, given.named)
    else:
        form, value = reduce_transparent(held, publics, proof)
    roots = [given.weights_root, given.witness_root, *(each.root for each in given.named)]
    extension = lambda point: layout.evaluate(form, point)  # noqa: E731
    opening.verify(circuit.parameters, layout.widths, layout.addresses, roots, value, proof, extension)
    proof.finish()
    return proof
