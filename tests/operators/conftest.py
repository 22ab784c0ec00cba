"""Makes `oracle` and `node_cases` importable from the folders of the families."""
