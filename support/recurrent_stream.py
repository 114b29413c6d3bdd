"""A trained network of recurrent form in closed loop, token by token: what it costs to decide without a window."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from dsf_models.checkpoint import PolicyModel
from dsf_models.recurrent_policy import RecurrentPolicy
from neuro_runtime.token import Token


class RecurrentStream:
    """The recurrent form of a policy's model."""

    def __init__(self, policy: PolicyModel) -> None:
        assert isinstance(policy.model, RecurrentPolicy)
        self._model: RecurrentPolicy[object] = policy.model
        self._normalisation = policy.normalisation
        self.reset()

    def reset(self) -> None:
        """Forget every earlier token."""
        self._state = self._model.start(1)

    @torch.inference_mode()
    def act(self, token: Token) -> NDArray[np.float64]:
        """The action, (action_size,)."""
        given = self._normalisation
        state, return_to_go = given.states(token.state), token.return_to_go / given.return_scale
        vector = np.concatenate([state, token.previous_action, [return_to_go]])
        actions, self._state = self._model.step(torch.as_tensor(vector, dtype=torch.float32)[None], self._state)
        answer: NDArray[np.float64] = actions[0].double().numpy()
        return answer
