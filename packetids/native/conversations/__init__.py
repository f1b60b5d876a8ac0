"""Conversations as TShark numbers them, and what it analyses of TCP."""
