"""The feed-forward network and its training."""
