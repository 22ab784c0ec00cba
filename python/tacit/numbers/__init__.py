"""Numbers: fixed-point rounding and saturation, intervals, and correctly rounded function tables."""
