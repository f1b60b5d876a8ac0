"""The errors this project raises on purpose.

Their message carries what a person needs to go on: which file or setting, which row or
byte, what was needed, what was there, and what to do. `command.run` prints it alone,
without a traceback; anything else that escapes a stage is a bug and keeps its traceback.
"""


class PacketidsError(Exception):
    """Bad input, a bad setting or a missing tool, said so that a person can act on it."""


class Unsupported(PacketidsError):
    """A capture that this reader does not read but TShark may: ``reader=auto`` asks TShark.

    Attributes
    ----------
    reason : str
        The same words for all captures with the same reason, so that they can be counted.
    file : str
        The capture; empty where the reason lies elsewhere, such as in a display filter.
    frame : int or None
        The frame that cannot be read, from 1; None where the whole capture cannot.
    """

    def __init__(self, reason: str, advice: str, file: str = "", frame: int | None = None) -> None:
        super().__init__(reason, advice, file, frame)  # as arguments, so that it can be pickled
        self.reason, self.file, self.frame = reason, file, frame
        self._advice = advice

    def __str__(self) -> str:
        where = [self.file] if self.file else []
        where += [f"frame {self.frame}"] if self.frame is not None else []
        return ": ".join([*where, f"{self.reason}. {self._advice}"])
