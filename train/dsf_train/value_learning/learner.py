"""CQL, IQL and TD3+BC by d3rlpy: its networks, losses and optimisers, on our batches.

d3rlpy's files may be pickles, so none is written or read: its parameters and its optimisers' state go into our
checkpoint as tensors, and the policy into a network of our own, which runs without d3rlpy.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import redirect_stderr
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from dsf_common.errors import UserError
from dsf_models.configuration import ModelKind
from dsf_models.mlp import MlpPolicy
from dsf_train.configuration import TrainConfig
from dsf_train.value_learning.transitions import Transitions

INSTALL = "pip install 'decision-spikeformer[baselines]', then pip install --no-deps 'd3rlpy>=2.8'"
CRITIC_OF_ACTOR = 3.0  # CQL's learning rates: 3e-4 of its critic, 1e-4 of its actor


def require_d3rlpy(kind: ModelKind) -> None:
    """Refuse a kind that is trained by d3rlpy where that is not installed.

    Raises
    ------
    UserError
        It is not.
    """
    if find_spec("d3rlpy") is None:
        raise UserError(f"model.kind={kind.value} is trained by d3rlpy, which is not installed: {INSTALL}.")


class ValueLearner:
    """An algorithm of d3rlpy that trains ``model``, the policy's network.

    Parameters
    ----------
    config
        The run's; of the optimiser's options it reads ``learning_rate``, the actor's, and ``batch_size``.
    model
        Gets the policy's weights by :meth:`give_policy`.
    """

    def __init__(self, config: TrainConfig, model: MlpPolicy, transitions: Transitions, device: torch.device) -> None:
        with redirect_stderr(io.StringIO()):  # gym, which d3rlpy imports, asks everybody to leave it
            self._d3rlpy: Any = import_module("d3rlpy")
        self._config, self._model, self._transitions = config, model, transitions
        self._device = f"{device.type}:{device.index or 0}"
        self._algorithm = self._configuration().create(device=self._device)
        self._algorithm.create_impl((model.observation_size,), model.action_size)
        self.give_policy()

    def update(self, step: int) -> dict[str, float]:
        """One update of all networks; the losses by d3rlpy's names.

        Raises
        ------
        UserError
            One is not finite.
        """
        batch = self._transitions.batch(self._config.seed, step, self._config.batch_size)
        losses: Mapping[str, float] = self._algorithm.impl.update(self._given(batch), step)
        for name, loss in losses.items():
            if not torch.isfinite(torch.tensor(loss)):
                raise UserError(
                    f"step {step + 1}: {name} is {loss}; train anew with a lower learning_rate, --overwrite."
                )
        return dict(losses)

    def give_policy(self) -> None:
        """Copy the policy's weights into ``model``: its mean action, ``tanh(μ(s))``."""
        learned = self._parts["policy"].state_dict()
        ours = [layer for layer in self._model.layers if isinstance(layer, nn.Linear)]
        hidden = [f"_encoder._layers.{2 * index}" for index in range(len(ours) - 1)]
        answer = "_fc" if "_fc.weight" in learned else "_mu"
        with torch.no_grad():
            for layer, name in zip(ours, [*hidden, answer], strict=True):
                layer.weight.copy_(learned[f"{name}.weight"])
                layer.bias.copy_(learned[f"{name}.bias"])

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values of all networks and optimisers."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`.

        Raises
        ------
        KeyError
            It is another algorithm's.
        """
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        self.give_policy()

    @property
    def _parts(self) -> dict[str, Any]:
        """Networks and optimisers by name; a CQL without a learned α has no optimiser of it."""
        parts: dict[str, Any] = self._algorithm.impl.modules.create_checkpointer(self._device).modules
        return parts

    def _configuration(self) -> Any:
        """Published settings; hidden layers and the learning rate are the run's."""
        algorithms, rate, kind = self._d3rlpy.algos, self._config.learning_rate, self._config.model.kind
        sizes = [self._config.model.embedding_size] * self._config.model.blocks
        hidden = import_module("d3rlpy.models").VectorEncoderFactory(hidden_units=sizes)
        common = {"actor_encoder_factory": hidden, "critic_encoder_factory": hidden, "actor_learning_rate": rate}
        match kind:
            case ModelKind.cql:
                return algorithms.CQLConfig(
                    **common,
                    critic_learning_rate=CRITIC_OF_ACTOR * rate,
                    temp_learning_rate=rate,
                    alpha_learning_rate=0.0,  # α is fixed, as in its experiments on D4RL's gym tasks
                )
            case ModelKind.iql:
                return algorithms.IQLConfig(**common, critic_learning_rate=rate, value_encoder_factory=hidden)
            case ModelKind.td3bc:
                return algorithms.TD3PlusBCConfig(**common, critic_learning_rate=rate)
            case _:
                raise ValueError(f"model.kind={kind.value} learns no values")

    def _given(self, batch: Any) -> Any:
        """The batch in d3rlpy's form; none of the three reads returns-to-go."""
        return self._d3rlpy.TorchMiniBatch(
            observations=batch.states.to(self._device),
            actions=batch.actions.to(self._device),
            rewards=batch.rewards.to(self._device),
            next_observations=batch.next_states.to(self._device),
            next_actions=batch.next_actions.to(self._device),
            returns_to_go=torch.zeros_like(batch.rewards).to(self._device),
            terminals=batch.terminals.to(self._device),
            intervals=torch.ones_like(batch.rewards).to(self._device),
            device=self._device,
        )
