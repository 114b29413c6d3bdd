"""Windows of a batch, by the places in the list of real tokens where they begin, and chunks of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsf_models.kernels.parallel import compiled

Bounds = NDArray[np.int64]  # (B + 1,): window b has the tokens from bounds[b] up to bounds[b + 1]

WINDOWS = 4  # a chunk


def window_chunks(bounds: Bounds) -> int:
    """How many chunks the windows of ``bounds`` make."""
    return -(-(len(bounds) - 1) // WINDOWS)


@compiled
def windows_of(chunk: int, bounds: Bounds) -> tuple[int, int]:
    """The first window of a chunk, and the one after its last."""
    return chunk * WINDOWS, min((chunk + 1) * WINDOWS, len(bounds) - 1)
