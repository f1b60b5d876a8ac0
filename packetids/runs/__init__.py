"""What a run leaves, and how MLflow is told."""
