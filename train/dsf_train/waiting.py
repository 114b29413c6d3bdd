"""How threads wait for one another: briefly by spinning, then asleep, so that a busy neighbour costs its share alone.

A training step has more than a hundred places where threads meet. PyTorch's OpenMP (GNU's) lets them spin there for
milliseconds. Where a neighbour has the core of one thread, the other then spins for as long, which its scheduler counts
as work, so that it loses its turn when there is work.
"""

from __future__ import annotations

import os

WAITING = "GOMP_SPINCOUNT"
SPINS = "10000"  # turns of a loop, some tenths of a millisecond: longer than most gaps between kernels


def wait_briefly() -> None:
    """Set how long threads spin, unless the user has. It counts where PyTorch is not loaded yet."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault(WAITING, SPINS)
