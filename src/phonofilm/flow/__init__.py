"""The flow-matching network, its conditions, path and sampler."""
