"""Graph -> Graph, one pass a file. Every pass keeps the graph's function, its inputs and its outputs."""

from __future__ import annotations

from tacit.graph import Graph, check
from tacit.passes.batch_normalization import fold_batch_normalization
from tacit.passes.bias import merge_bias
from tacit.passes.constants import fold_constants
from tacit.passes.dead_code import remove_dead_code
from tacit.passes.expansion import expand
from tacit.passes.identities import remove_identities
from tacit.passes.integer_products import integer_products
from tacit.passes.map_scaling import fold_map_scaling
from tacit.passes.masks import bound_masks
from tacit.passes.no_elements import fold_no_elements
from tacit.passes.rectified import drop_rectified
from tacit.passes.scaling import fold_scaling
from tacit.passes.scores import scale_scores
from tacit.passes.softmax import join_softmax
from tacit.passes.squares import scale_squares

__all__ = [
    "bound_masks",
    "drop_rectified",
    "expand",
    "fold_batch_normalization",
    "fold_constants",
    "fold_map_scaling",
    "fold_no_elements",
    "fold_scaling",
    "integer_products",
    "join_softmax",
    "merge_bias",
    "remove_dead_code",
    "remove_identities",
    "scale_scores",
    "scale_squares",
    "simplify",
]

PASSES = (
    fold_no_elements,
    remove_dead_code,
    drop_rectified,
    integer_products,
    bound_masks,
    remove_identities,
    scale_squares,
    fold_scaling,
    fold_map_scaling,
    fold_batch_normalization,
    merge_bias,
    scale_scores,
    remove_dead_code,
)


def simplify(graph: Graph) -> Graph:
    """All passes in order. The result is legal at stage 'simplified'."""
    for step in PASSES:
        graph = step(graph)
    return check(graph, "simplified")
