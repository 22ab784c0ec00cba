"""Operators whose indices, places or lengths are computed by the model."""
