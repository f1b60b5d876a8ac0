"""Which packets are attacks."""
