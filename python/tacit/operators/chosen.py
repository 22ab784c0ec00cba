"""What is made of scores that are not shown: in every row a place is chosen, and that is what the receipt shows."""

from __future__ import annotations

from tacit.graph.model import Choice
from tacit.operators.context import Context
from tacit.primitives import gadgets, movement
from tacit.primitives.program import chosen_of, claim_of

DOMAIN_BITS = 4
"""Exponentials are tabulated over differences below 2^4, as in a softmax."""


def choose(context: Context, choice: Choice) -> None:
    """Demands fed = chosen(scores) along the last axis: of equal scores the first, or what `uniform` draws (`gadgets.sample`)."""
    builder, name = context.builder, choice.fed
    scores = context.wide(choice.scores)
    if choice.sampling is None:
        found = gadgets.argmax(builder, chosen_of(name), scores, -1)
    else:
        uniform = movement.reshape(builder, context.exact(choice.uniform), scores.shape[:-1])
        settings = {"factor": choice.sampling.factor, "most": choice.sampling.top_k or 0, "mass": choice.sampling.mass}
        found = gadgets.sample(builder, chosen_of(name), scores, uniform, context.scales.bits - DOMAIN_BITS, **settings)
    found = movement.reshape(builder, found, context.shape(name))
    builder.contract(claim_of(name), movement.plus(builder, found, -context.tensor(name)))
