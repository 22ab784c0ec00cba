"""Views: nothing is computed, no cell is committed where a view exists."""
