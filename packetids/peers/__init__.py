"""Simple models beside the network: the same rows, their libraries' defaults."""
