"""The episodes of a dataset that went best, for a policy that is to do as they did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsf_train.datasets.columns import Columns


def best_episodes(dataset: Columns, share: float) -> NDArray[np.int64]:
    """Numbers, ascending, of the fewest episodes of highest return that hold at least ``share`` of all steps.

    Cloning the best X % of a dataset is %BC of Chen et al., Decision Transformer, 2021. The earlier of
    two episodes of equal return counts as better, and unfinished ones, whose return nobody knows, as the worst.
    """
    firsts = np.concatenate([[0], dataset.ends[:-1]])
    order = np.lexsort((-dataset.returns, ~dataset.finished))
    steps = np.cumsum((dataset.ends - firsts)[order])
    count = int(np.searchsorted(steps, share * steps[-1])) + 1
    return np.sort(order[: min(count, len(order))])
