"""What ends a command with a message for a person instead of a traceback."""


class StudioFailure(Exception):
    """Something a person can mend.

    Attributes:
        message: What went wrong.
        hint: What to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
