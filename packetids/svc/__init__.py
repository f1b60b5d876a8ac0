"""The support vector baseline."""
