"""The two ways a command ends other than well; every package raises these, so they live in the lowest one."""


class UserError(Exception):
    """The call or an input was wrong: one sentence that says what and what to do. Exit status 2."""


class GateFailed(Exception):
    """A gate (parity, a chip's limit) said no: the work was done, the answer is "do not use this". Exit status 1."""


def first_line(error: Exception) -> str:
    """The message of another library's error in one line, to quote in ours."""
    return (str(error).splitlines() or [type(error).__name__])[0]
