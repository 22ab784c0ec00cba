"""Makes `circuit_oracle` importable from the folder of the gadgets."""
