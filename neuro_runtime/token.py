"""The input of a policy at each environment step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Token:
    """One environment step as the policy sees it, raw: normalising is the backend's business.

    Attributes
    ----------
    state
        The observation, shape (obs,).
    previous_action
        The policy's answer one step earlier, shape (act,); zeros at the first step.
    return_to_go
        Reward still wanted in this episode.
    """

    state: NDArray[np.float64]
    previous_action: NDArray[np.float64]
    return_to_go: float
