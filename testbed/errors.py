"""What stops a recording, said so that a person can act on it."""


class TestbedError(Exception):
    """A missing tool, a wrong place to run, or a recording that cannot be trusted."""
