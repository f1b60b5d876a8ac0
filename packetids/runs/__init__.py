"""What a run leaves, and how MLflow logs it."""
