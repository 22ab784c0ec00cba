"""Sums, means, maxima, softmax and ArgMax along axes."""
