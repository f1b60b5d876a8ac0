"""Payloads that hold packets, or after which TShark opens conversations."""
