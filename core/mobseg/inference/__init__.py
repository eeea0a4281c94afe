"""From a CT to stitched logit moments on the network's grid, and back to the native grid.

Reads nnU-Net's plans and repeats its preprocessing, sliding window and export without importing it.
"""
