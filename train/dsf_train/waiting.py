"""How threads wait for one another: by spinning while they have their processors, asleep where others want them too.

A training step has more than a hundred places where threads meet, and PyTorch's OpenMP (GNU's) lets them spin there for
milliseconds. That is the fastest way as long as each thread has a processor. Where a neighbour has one of them, the
other threads spin for a whole turn of the scheduler's, which counts as work, so that they lose their own turn when
there is work.

GNU's OpenMP lets threads spin for some microseconds alone while there are more threads than processors. So while the
machine is crowded, a thread of ours holds as many more, all asleep. The number of threads that compute, and with it
every bit of the result, stays as it is.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import torch

LOOK_EVERY_S = 0.25
CROWDED = 0.35  # processors that others use beyond those that are left over
USERS_CHOICE = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
_PROCESSORS = Path("/proc/stat")
_IDLE = (3, 4)  # the fields of a processor's line that are no work: idle, and waiting for a disk
_FIELDS = 8  # those after them are parts of these


@contextmanager
def giving_way() -> Iterator[None]:
    """Let PyTorch's threads sleep where they wait, whenever others want the processors too, as long as the block runs.

    Where the user has said how threads wait, where there is one thread, and where OpenMP is not GNU's, nothing is done.
    """
    start_team = _start_team()
    if start_team is None or torch.get_num_threads() < 2 or any(name in os.environ for name in USERS_CHOICE):
        yield
        return
    over = Event()
    watch = Thread(target=_watch, args=(over, Crowd(start_team, torch.get_num_threads())), daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()


class Crowd:
    """Threads of OpenMP that do nothing, so that there are more of them than processors.

    Parameters
    ----------
    start_team
        Starts a number of OpenMP's threads; they belong to the thread that calls it, and end with it.
    threads
        Those that compute.
    """

    def __init__(self, start_team: Callable[[int], None], threads: int) -> None:
        self._start_team = start_team
        self._size = max(2, len(_own_processors()) - threads + 2)
        self._over: Event | None = None

    def there(self, wanted: bool) -> None:
        """Bring them together, or send them home."""
        if wanted and self._over is None:
            self._over = Event()
            Thread(target=self._hold, args=(self._over,), daemon=True).start()
        elif not wanted and self._over is not None:
            self._over.set()
            self._over = None

    def _hold(self, over: Event) -> None:
        self._start_team(self._size)
        over.wait()


@dataclass(frozen=True)
class Load:
    """Seconds of work up to now, on the processors that this process may use."""

    at: float
    all: float
    own: float

    @classmethod
    def now(cls) -> Load | None:
        """None where the system does not say."""
        try:
            lines = _PROCESSORS.read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        names = {f"cpu{number}" for number in _own_processors()}
        ticks = [[int(field) for field in line.split()[1:]] for line in lines if line.split()[0] in names]
        work = sum(sum(one[:_FIELDS]) - sum(one[field] for field in _IDLE) for one in ticks)
        return cls(time.monotonic(), work / os.sysconf("SC_CLK_TCK"), time.process_time())

    def others_since(self, before: Load) -> float:
        """Processors that other processes kept busy since then, on average."""
        return (self.all - before.all - (self.own - before.own)) / (self.at - before.at)


def _watch(over: Event, crowd: Crowd) -> None:
    """Look at the load now and then until it is over."""
    spare = max(0, len(_own_processors()) - torch.get_num_threads())
    before = Load.now()
    while before and not over.wait(LOOK_EVERY_S):
        if now := Load.now():
            crowd.there(now.others_since(before) > spare + CROWDED)
            before = now
    crowd.there(False)


def _own_processors() -> set[int]:
    """The processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return affinity(0) if affinity else set(range(os.cpu_count() or 1))


def _start_team() -> Callable[[int], None] | None:
    """A function that starts so many threads of PyTorch's OpenMP; None where that is not GNU's."""
    try:
        library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
        parallel, idle = library.GOMP_parallel, ctypes.CDLL(None).getpid
    except (OSError, AttributeError):
        return None
    parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    parallel.restype = None
    nothing = ctypes.cast(idle, ctypes.c_void_p)  # a function that takes no time and no notice of its argument

    def start_team(size: int) -> None:
        parallel(nothing, None, size, 0)

    return start_team
