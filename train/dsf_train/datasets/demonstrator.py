"""The interface of a demonstrator: it shows how a built-in task is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

# From the simulator, all of whose state it may look at, and the number of the step in its episode, to the action in
# [−1, 1] that is executed and recorded.
Act = Callable[[Any, int], float]


@dataclass(frozen=True)
class Demonstrator:
    """A scripted demonstrator of one built-in task, whose episodes aren't all equally good.

    Attributes
    ----------
    title
        The title of its recordings.
    episodes
        In a dataset.
    version
        The version of its recordings; another one is recorded anew.
    behaviour
        From a random generator and which share of the episodes, in [0, 1), has been recorded, to how it acts in the
        next one.
    """

    title: str
    episodes: int
    version: int
    behaviour: Callable[[np.random.Generator, float], Act]
