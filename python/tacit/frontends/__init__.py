"""Outside models -> Graph, one module a format."""
