"""Model folders (any nnU-Net v2 model) and bundles (one zip with terminology, provenance and metrics)."""
