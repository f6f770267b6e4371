"""Benchmarks, one command each; every one prints its figure last."""
