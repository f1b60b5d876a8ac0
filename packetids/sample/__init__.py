"""One schema for all packets, and the paper's quotas."""
