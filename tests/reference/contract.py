"""All contractions in one batched sumcheck (crates/protocols/contract/README.md)."""

from __future__ import annotations

from dataclasses import dataclass

from .affine import Value
from .circuit import Circuit, View
from .field import ONE, ZERO, K, bits, eq, interpolation_weights
from .forms import Claim, FormTerm, Views, Weight, Weighted, eq_weight, linear_form
from .hiding import Hidden
from .transcript import Proof


@dataclass
class Shared:
    """An axis of two or three factors: a run of sumcheck variables. `point` is None for a summed axis."""

    axis: int
    length: int
    point: list[K] | None


@dataclass
class Instance:
    """One term with two or three factors."""

    scale: K
    views: tuple[View, ...]
    weights: tuple[Weight, ...]
    shared: list[Shared]

    @property
    def variables(self) -> int:
        return sum(bits(s.length) for s in self.shared)

    @property
    def degree(self) -> int:
        return len(self.views) + any(s.point is not None for s in self.shared)


def instances(weighted: Weighted, extra: K) -> list[Instance]:
    """The product terms of a weighted sum. `extra` multiplies their scales."""
    found = []
    outputs, weights = weighted.sum.outputs, weighted.axis_weights()
    for term in weighted.sum.terms:
        if len(term.views) < 2:
            continue
        scale, shared = weighted.scale * extra * term.coefficient, []
        for axis, weight in enumerate(weights):
            factors = sum(axis in view.axes() for view in term.views)
            if factors == 0 and axis < outputs:
                scale = scale * weight.total
            elif factors > 1:
                shared.append(Shared(axis, weight.length, list(weight.point) if axis < outputs else None))
        found.append(Instance(scale, term.views, weights, shared))
    return found


def points(circuit: Circuit, proof: Proof | Hidden) -> list[tuple[Weight, ...]]:
    """One eq weight per output axis of every contract. Position a of all contracts shares one point, as long as the longest axis at
    a needs; a shorter axis takes its first coordinates."""
    slots: list[int] = []
    for contract in circuit.contracts:
        for a, d in enumerate(contract.zero.output_axes()):
            if a == len(slots):
                slots.append(0)
            slots[a] = max(slots[a], bits(d))
    drawn = [proof.draw_many("contract point", count) for count in slots]
    return [
        tuple(eq_weight(("point", a, d), drawn[a][: bits(d)], d) for a, d in enumerate(contract.zero.output_axes()))
        for contract in circuit.contracts
    ]


def verify(circuit: Circuit, virtuals: list[Weighted], views: Views, proof: Proof | Hidden) -> tuple[list[Claim], Value]:
    """The claims that are left, and w: what the caller's claim is lowered by."""
    if not circuit.contracts and not virtuals:
        return [], proof.constant(ZERO)
    weights = points(circuit, proof)
    gamma, power = proof.draw("contract batch"), ONE
    affine = Claim([], ZERO)
    found: list[Instance] = []
    for contract, own in zip(circuit.contracts, weights):
        weighted = Weighted(contract.zero, own, power)
        form, constant = linear_form(weighted, circuit, views)
        affine.form += form
        affine.value = affine.value - constant
        found += instances(weighted, ONE)
        power = power * gamma
    products = [instance for weighted in virtuals for instance in instances(weighted, power)]
    u = proof.receive("contract affine total") if found else proof.constant(ZERO)
    w = proof.receive("contract virtual total") if products else proof.constant(ZERO)
    affine.value = u + affine.value
    claims = [affine] if circuit.contracts else []
    claims += sumcheck(circuit, found + products, w * power - u, views, proof)
    return claims, w


def sumcheck(circuit: Circuit, found: list[Instance], target: Value, views: Views, proof: Proof | Hidden) -> list[Claim]:
    """The rounds, the factors' values, the last equation."""
    if not found:
        return []
    degree = max(instance.degree for instance in found)
    rho: list[K] = []
    for _ in range(max(instance.variables for instance in found)):
        at0, *rest = proof.receive_many("contract round", degree)
        r = proof.draw("contract challenge")
        w0, *weights = interpolation_weights(degree + 1, r)
        at1, target = target - at0, at0 * w0
        for value, weight in zip([at1, *rest], weights):
            target = target + value * weight
        rho.append(r)
    factors: dict[tuple, FormTerm] = {}
    places: list[list[tuple]] = []
    for instance in found:
        axes, at = list(instance.weights), len(rho) - instance.variables
        for s in instance.shared:
            axes[s.axis] = eq_weight(("run", at, s.length), rho[at : at + bits(s.length)], s.length)
            at += bits(s.length)
        places.append([])
        for view in instance.views:
            image = views.weights(view, circuit.columns[view.column].shape, axes)
            name = (view.column, tuple(weight.symbol for weight in image))
            factors.setdefault(name, FormTerm(ONE, view.column, image))
            places[-1].append(name)
    numbers = {name: number for number, name in enumerate(factors)}
    values = proof.receive_many("contract value", len(factors))
    # Instances of the same factors are one product.
    scales: dict[tuple[int, ...], K] = {}
    for instance, names in zip(found, places):
        waiting = len(rho) - instance.variables
        product = instance.scale
        for r in rho[:waiting]:
            product = product * (1 - r)
        at = waiting
        for s in instance.shared:
            if s.point is not None:
                product = product * eq(s.point, rho[at : at + bits(s.length)])
            at += bits(s.length)
        own = tuple(sorted(numbers[name] for name in names))
        scales[own] = scales.get(own, ZERO) + product
    last = proof.constant(ZERO)
    for (first, *others), scale in sorted(scales.items(), key=lambda item: item[0]):
        value = values[first]
        for number in others:
            value = proof.multiply(value, values[number])
        last = last + value * scale
    proof.require_zero(last - target, "the contraction sumcheck")
    return [Claim([factor], value) for factor, value in zip(factors.values(), values)]
