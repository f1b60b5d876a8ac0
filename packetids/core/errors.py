"""The errors this project raises on purpose.

Their message carries what a person needs to go on: which file or setting, which row or
byte, what was needed, what was there, and what to do. `command.run` prints it alone,
without a traceback; anything else that escapes a stage is a bug and keeps its traceback.
"""


class PacketidsError(Exception):
    """Bad input, a bad setting or a missing tool, said so that a person can act on it."""


class Unsupported(PacketidsError):
    """A capture that this reader does not read but TShark may: ``reader=auto`` asks TShark."""
