"""Every published number beside ours, one module per document; the theory; the report."""
