"""Features of packet fields, without duplicates."""
