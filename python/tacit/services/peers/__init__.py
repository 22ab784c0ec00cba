"""Other systems, measured on the same file in the same run."""
