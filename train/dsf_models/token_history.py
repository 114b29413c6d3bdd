"""The tokens that a model in closed loop has been given, and the actions that it answers them with."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsf_models.checkpoint import PolicyModel


class TokenHistory:
    """The last K tokens of several episodes that run in step, and the model's next actions for them.

    Windows are padded on the left, as in training, so a token's place in the window is what `pairwise` weights expect.
    """

    def __init__(self, policy: PolicyModel, lanes: int, past: int | None = None) -> None:
        model = policy.model
        self._model = model
        self._normalisation = policy.normalisation
        self._bounds = policy.action_bounds
        parameter = next(model.parameters())
        tokens = min(past or model.tokens_seen, model.tokens_seen)
        self._seen = tokens

        def blank(width: int, dtype: torch.dtype = parameter.dtype) -> Tensor:
            return torch.zeros(lanes, tokens, width, dtype=dtype, device=parameter.device)

        self._states, self._actions, self._returns = blank(model.observation_size), blank(model.action_size), blank(1)
        self._real = blank(1, torch.bool)
        self._steps = blank(1, torch.int64)
        self._step = 0
        self._last_action = blank(model.action_size)[:, 0]

    @property
    def tokens(self) -> int:
        """Real tokens that the latest decision was made of."""
        return min(self._step, self._seen)

    def act(
        self,
        observations: NDArray[np.float64],
        returns_to_go: NDArray[np.float64],
        spikes: dict[str, Tensor] | None = None,
    ) -> NDArray[np.float32]:
        """Add a token (raw observation, last action, raw return-to-go) to each lane and return its actions."""
        states = self._normalisation.states(observations)
        self._states = _append(self._states, states)
        self._actions = _append(self._actions, self._last_action)
        self._returns = _append(self._returns, returns_to_go[:, None] / self._normalisation.return_scale)
        self._real = _append(self._real, np.ones((len(states), 1)))
        self._steps = _append(self._steps, np.full((len(states), 1), self._step))
        self._step += 1
        training = self._model.training
        self._model.eval()
        with torch.no_grad():
            actions = self._model(
                self._states,
                self._actions,
                self._returns,
                self._real[..., 0],
                spikes=spikes,
                steps=self._steps[..., 0],
            )
        self._model.train(training)
        chosen: NDArray[np.float32] = actions[:, -1].cpu().numpy()
        self._last_action = torch.from_numpy(self._bounds.remembered(chosen)) if self._bounds else actions[:, -1]
        return chosen


def _append(window: Tensor, token: NDArray[np.float64] | Tensor) -> Tensor:
    """``window`` (lanes, K, width) with its oldest token gone and ``token`` (lanes, width) the newest."""
    newest = torch.as_tensor(token, dtype=window.dtype, device=window.device)
    return torch.cat([window[:, 1:], newest[:, None]], dim=1)
