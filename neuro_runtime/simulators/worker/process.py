"""The worker as a process of the operating system: started, asked, given up on, and never left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import weakref
from dataclasses import dataclass, replace
from pathlib import Path

from dsf_common.errors import UserError
from neuro_runtime.simulators.worker.wire import Message, receive, send

PARTING_S = 10.0  # how long a worker may take to stop its emulator by itself
DYING_S = 2.0  # how long a worker that hung up may take to end
MISSING = "MISSING: "  # what a worker says where it cannot import its emulator
FOLDER = ".venv-lava"
REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True)
class Emulator:
    """An emulator that runs in a worker.

    Attributes
    ----------
    name
        Its name in sentences.
    script
        The worker's script, which gets the number of its end of the connection as argument.
    distribution
        The package and version that must be installed.
    """

    name: str
    script: Path
    distribution: str

    @property
    def how_to_get_it(self) -> str:
        """For errors, where it is missing."""
        environment = f"the Python 3.10 of an environment with {self.distribution}"
        make = "run `make setup`, or " if (REPOSITORY / "Makefile").is_file() else ""  # an installed package has none
        return f"{make}set DSF_LAVA_PYTHON to {environment}"

    def find_python(self) -> Path:
        """The Python of the emulators: ``DSF_LAVA_PYTHON``, else ``.venv-lava`` beside the package or in the folder.

        Raises
        ------
        UserError
            There is none.
        """
        named = os.environ.get("DSF_LAVA_PYTHON")
        if named:
            candidates = [Path(named)]
        else:
            candidates = [folder / FOLDER / "bin" / "python" for folder in (REPOSITORY, Path.cwd())]
        for candidate in candidates:
            if os.access(candidate, os.X_OK) and candidate.is_file():
                return candidate.absolute()
        raise UserError(f"{self.name} is missing, there is no Python at {candidates[0]}: {self.how_to_get_it}")


class WorkerProcess:
    """A running worker.

    Parameters
    ----------
    emulator
        The emulator that it runs.

    Raises
    ------
    UserError
        The emulator's Python is missing or cannot be started.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._name = emulator.name
        self.python = emulator.find_python()
        self._owner = os.getpid()
        self._asked = 0
        with contextlib.ExitStack() as resources:
            self._log = resources.enter_context(tempfile.TemporaryFile())
            self._connection, theirs = map(resources.enter_context, socket.socketpair())
            self._process = self._start(theirs)
            theirs.close()
            self._resources = resources.pop_all()
        self._close = weakref.finalize(self, _close, self._owner, self._connection, self._process, self._resources)

    @property
    def pid(self) -> int:
        """The process, which leads a process group of its own."""
        return self._process.pid

    def ask(self, request: Message, doing: str, time_limit_s: float) -> Message:
        """Send a request and wait for its answer. The worker is ended if none comes.

        Parameters
        ----------
        doing
            The worker's task, for the error: "starting".
        time_limit_s
            In which the answer must be complete.

        Raises
        ------
        UserError
            The worker has ended, ends, raises an error, does not answer in time or answers something else, or it
            belongs to another process: one sentence says which.
        """
        if os.getpid() != self._owner:
            raise UserError(
                f"this policy's {self._name} worker belongs to process {self._owner}, and this is its fork "
                f"{os.getpid()}: open the policy anew here"
            )
        if not self._close.alive:
            raise UserError(f"the {self._name} worker has ended: open the policy again")
        self._asked += 1
        request = replace(request, number=self._asked)
        try:
            send(self._connection, request, time_limit_s)
            answer = receive(self._connection, time_limit_s)
        except TimeoutError:
            raise self._failure(
                f"the {self._name} worker was stopped because {doing} took more than {time_limit_s:g} s; on a slow "
                "machine set DSF_LAVA_TIME_LIMIT to more seconds"
            ) from None
        except (EOFError, OSError):
            raise self._death(doing) from None
        except BaseException:
            self.kill()
            raise
        if answer.number != request.number:
            numbers = f"request {answer.number} while {doing}, request {request.number}"
            raise self._failure(f"the {self._name} worker answered {numbers}")
        if answer.kind == "failed":
            raise self._failure(f"{self._name} failed while {doing}: {answer.fields['error']}")
        return answer

    def close(self) -> None:
        """Let the worker stop its emulator and end; kill it if it does not. May be called twice."""
        self._close()

    def kill(self) -> None:
        """End the worker and all processes that it forked now."""
        if os.getpid() == self._owner and self._close.detach():
            _kill(self._process)
            self._resources.close()

    def _start(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        # Threads of a numerical library would only wait for one another, in each of an emulator's many processes.
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            return subprocess.Popen(
                # -E: our Python's paths are not its. -u: what it prints is in the log even if it is killed.
                # -W: if it is, Python frees its shared memory, and would say so.
                [self.python, "-E", "-u", "-W", "ignore:resource_tracker", self._emulator.script, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                env=environment,
                # Ctrl-C in the terminal is for this process, which ends the worker in good order.
                start_new_session=True,
            )
        except OSError as problem:
            raise UserError(self._is_missing(f"cannot run ({problem})")) from problem

    def _death(self, doing: str) -> UserError:
        """The worker ended instead of answering."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(DYING_S)
        last = self._last_line()
        if last.startswith(MISSING):
            problem = last.removeprefix(MISSING)
            return self._failure(self._is_missing(f"lacks it ({problem})"), keep=False)
        status = self._process.poll()
        how = f"exit status {status}" if status is None or status >= 0 else f"signal {signal.Signals(-status).name}"
        said = f": {last}" if last else ""
        return self._failure(f"the {self._name} worker ({self.python}) ended while {doing}, with {how}{said}")

    def _is_missing(self, why: str) -> str:
        return f"{self._name} is missing, {self.python} {why}: {self._emulator.how_to_get_it}"

    def _failure(self, sentence: str, keep: bool = True) -> UserError:
        """The error to raise; the worker is ended, and what it printed is kept in a file that the error names."""
        printed = self._printed() if keep else ""
        self.kill()
        return UserError(f"{sentence} (all it printed is in {_saved(printed, self._name)})" if printed else sentence)

    def _printed(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace").strip()

    def _last_line(self) -> str:
        return (self._printed().splitlines() or [""])[-1]


def _close(
    owner: int, connection: socket.socket, process: subprocess.Popen[bytes], resources: contextlib.ExitStack
) -> None:
    """Hang up, upon which the worker stops its emulator and ends; ``resources`` are the connection and the log.

    A process that was forked from the owner closes its copies and leaves the worker alone. The owner's hanging up is
    heard at once, whether or not such copies are still open.
    """
    if os.getpid() != owner:
        resources.close()
        return
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    resources.close()
    try:
        process.wait(PARTING_S)
    except subprocess.TimeoutExpired:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the worker and all processes that it forked.

    On Linux the kernel kills those with the worker (they have asked for it), and what is then left of the group, the
    process that frees shared memory, ends by itself.
    """
    process.kill()
    if sys.platform != "linux":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _saved(printed: str, name: str) -> Path:
    with tempfile.NamedTemporaryFile("w", prefix=f"dsf-{name.lower()}-", suffix=".log", delete=False) as file:
        file.write(printed)
    return Path(file.name)
