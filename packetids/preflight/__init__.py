"""Preflight check: what is there of a dataset, and would a run work."""
