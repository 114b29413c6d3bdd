"""The ways a command ends other than well; every package raises these, so they live in the lowest one."""

import traceback
from pathlib import Path


class UserError(Exception):
    """The call or an input was wrong: one sentence that says what and what to do. Exit status 2."""


class GateFailed(Exception):
    """A gate (parity, a chip's limit) said no: the work was done, the answer is "do not use this". Exit status 1."""


class Terminated(BaseException):
    """SIGTERM came: everything unwinds as after Ctrl-C. Exit status 143."""


STOPS = (UserError, KeyboardInterrupt, Terminated)
"""They end a run; what it did until then is saved."""

RAISED_BY_OTHERS = (Exception, SystemExit)
"""Errors that code of a user's own may raise; one that ends the process by ``sys.exit`` would end it without a word."""


def first_line(error: BaseException) -> str:
    """The message of another library's error in one line, to quote in ours."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def with_place(error: BaseException) -> str:
    """Another's error in one line with its type, and the file and line that raised it: for code of a user's own."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    said = str(error).splitlines()
    return f"{type(error).__name__}{f': {said[0]}' if said else ''}{place}"
