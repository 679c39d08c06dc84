"""Every published number beside ours, one module per document."""
