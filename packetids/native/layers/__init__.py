"""One header a module: what follows it, and the fields that it holds."""
