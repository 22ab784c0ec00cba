"""Primitives: symbolic integer tensors, their movement and arithmetic, the builder that gadgets are written against,
and its interpretations (program, circuit, values, cost)."""
