"""Fourier transforms as products with constant matrices; windows and filter banks as constants."""
