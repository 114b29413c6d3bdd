"""How every ``dsf-`` command ends: the exit status, and what is said of an error."""

from __future__ import annotations

import io
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType

from dsf_common.documents import documents_alone
from dsf_common.errors import GateFailed, Terminated, UserError, first_line
from dsf_common.extras import brings, missing_library
from dsf_common.versions import installed_version

LACK_OF_MEMORY = re.compile("can't allocate memory|out of memory", re.IGNORECASE)  # PyTorch's words for it
# Python's, NumPy's and PyTorch's words for a size that no machine counts in.
TOO_LARGE = re.compile(
    "too large to convert to C|index-sized integer|array is too big|maximum allowed (dimension|size) exceeded"
    "|storage size calculation overflowed|overflow when unpacking",
    re.IGNORECASE,
)
PACKAGES = ("dsf_train", "dsf_export", "dsf_models", "neuro_runtime", "hw_profiles", "dsf_common")


def run_command(main: Callable[[list[str]], int], name: str, argv: Sequence[str] | None = None) -> int:
    """Run a command to its exit status: 0 done, 1 a gate failed, 2 wrong call or input (or a file that
    the system refuses), 130 interrupted, 143 told to end.

    ``main`` gets the arguments (``sys.argv[1:]`` unless given) and returns its status. Logs go to stderr.
    """
    _have_streams()
    _log_to_stderr()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        print(f"{name} {installed_version('decision-spikeformer')}")
        return 0
    try:
        with _ending_in_order(), documents_alone() if "--json" in arguments else nullcontext():
            return main(arguments)
    except UserError as error:
        return _refused(name, error)
    except ModuleNotFoundError as error:
        if not brings(error):
            raise
        return _refused(name, missing_library(name, error))
    except GateFailed as error:
        print(f"{name}: failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interruption:
        print(f"{name}: interrupted{f'; {interruption}' if str(interruption) else ''}", file=sys.stderr)
        return 130
    except Terminated as end:
        print(f"{name}: told to end{f'; {end}' if str(end) else ''}", file=sys.stderr)
        return 128 + signal.SIGTERM
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); keep Python from complaining again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (MemoryError, RuntimeError, ValueError, TypeError, OverflowError) as error:
        if not _is_lack_of_memory(error):
            raise
        return _refused(name, UserError(f"there is not enough memory: {first_line(error)}; ask for less at a time"))
    except OSError as error:
        # A full disk, a folder that is not ours: the machine said no, and a traceback would not say it better.
        print(f"{name}: error: {error.filename or 'system'}: {error.strerror or error}", file=sys.stderr)
        return 2


def _is_lack_of_memory(error: Exception) -> bool:
    """Whether an error of a library says that something does not fit into memory, of this machine or of any."""
    if isinstance(error, MemoryError):
        return True
    said = LACK_OF_MEMORY.search(str(error)) if isinstance(error, RuntimeError) else None
    return bool(said or TOO_LARGE.search(str(error)))


def _refused(name: str, error: UserError) -> int:
    print(f"{name}: error: {error}", file=sys.stderr)
    return 2


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Have SIGTERM unwind the program as Ctrl-C does, so that temporary files and folders are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _have_streams() -> None:
    """Streams that take every word: one that is closed leads nowhere, so that no file gets its number and its words."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115  # stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an old terminal has no "−"


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for package in PACKAGES:
        logging.getLogger(package).setLevel(logging.INFO)
