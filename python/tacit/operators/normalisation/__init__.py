"""Normalisation with constant statistics."""
