"""Training with nnU-Net; the only place that imports it."""
