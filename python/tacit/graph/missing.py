"""Missing values: a graph's floats are finite, so an input of its own says where another one has none."""

MISSING = ".missing"
"""What such an input is called after the other; NaN says the same to whoever gives arrays."""
