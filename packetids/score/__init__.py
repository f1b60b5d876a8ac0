"""Scores of every model under both protocols, with intervals."""
