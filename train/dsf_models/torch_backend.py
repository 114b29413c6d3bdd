"""The trained model, recomputing all that it sees at every decision."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from dsf_models import DSFormer, PolicyNetwork
from dsf_models.checkpoint import PolicyModel
from dsf_models.configuration import DELAYED, GATED, Mixing, ModelConfig, ModelKind
from dsf_models.mixing_names import delayed_output, input_names
from dsf_models.token_history import TokenHistory
from neuro_runtime.activity import Activity
from neuro_runtime.backends.base import Decision
from neuro_runtime.token import Token


class TorchBackend:
    """A trained model in closed loop, in float32."""

    def __init__(self, policy: PolicyModel) -> None:
        self._policy = policy
        self.reset()

    @property
    def environment(self) -> str:
        """Name of the environment the model was trained for."""
        return self._policy.environment

    @property
    def return_target(self) -> float:
        """Default return-to-go of the first step, in raw reward."""
        return self._policy.return_target

    @property
    def observation_size(self) -> int:
        """Width of a token's state."""
        return self._policy.model.observation_size

    @property
    def action_size(self) -> int:
        """Width of an action."""
        return self._policy.model.action_size

    def reset(self) -> None:
        """Forget every earlier token."""
        self._history = TokenHistory(self._policy, lanes=1)

    def decide(self, token: Token) -> Decision:
        """The last token's action. The previous action is the model's own, as the history keeps it."""
        spikes: dict[str, Tensor] = {}
        action = self._history.act(token.state[None], np.array([token.return_to_go]), spikes)
        activity = window_activity(self._policy.model, spikes, self._history.tokens)
        return Decision(action[0].astype(np.float64), activity)

    def close(self) -> None:
        """There is nothing to release."""


def window_activity(model: PolicyNetwork, spikes: dict[str, Tensor], tokens: int) -> Activity:
    """The counted work of one window: every layer works on all its ``tokens``, one after another on the same neurons.

    A spike costs one synop at each synapse it crosses. The map attentions' products count as spikes of the value
    times the tokens that may see it, as the paper counts them; SDSA's running sums by what is added to them and read.
    A model without neurons has multiply-accumulates alone, all of them under those of the host.
    """
    macs = model.macs(tokens)
    if not isinstance(model, DSFormer):
        return Activity({}, {}, {}, time_steps=0, host_macs=macs)
    counts = {name: int(layer.sum()) for name, layer in spikes.items()}
    steps = {name: layer.numel() for name, layer in spikes.items()}
    return Activity(counts, steps, _synops(model.config, counts, spikes), tokens * model.config.time_steps, macs)


def _synops(config: ModelConfig, counts: dict[str, int], spikes: dict[str, Tensor]) -> dict[str, int]:
    """Synops by target layer."""
    size = config.embedding_size
    synops: dict[str, int] = {}
    for block in range(config.blocks):
        mixing, mlp = f"block{block}.attention", f"block{block}.mlp"
        if config.kind is ModelKind.dsformer:
            inputs = sum(counts[name] for name in input_names(mixing, config.levels))
            outputs = 0
            if config.mixing in DELAYED:
                output = delayed_output(config.mixing, mixing)
                synops[output] = inputs * config.mixing_width * config.window
                outputs += counts[output]
            if config.mixing not in DELAYED or config.mixing in GATED:
                synops |= {f"{mixing}.{name}": inputs * size for name in ("query", "key", "value")}
                synops[f"{mixing}.output"] = _attention_synops(config, spikes, mixing)
                outputs += counts[f"{mixing}.output"]
            synops[f"{mixing}.project"] = outputs * size
        synops[f"{mlp}.hidden"] = counts[f"{mlp}.input"] * config.mlp_ratio * size
        synops[f"{mlp}.project"] = counts[f"{mlp}.hidden"] * size
    return synops


def _attention_synops(config: ModelConfig, spikes: dict[str, Tensor], mixing: str) -> int:
    """Accumulates of the attention itself.

    Spikes of k∧v (PSSA) or of v (maps), each times the later tokens of the window that may see it. For SDSA-1 the
    spikes of k∧v, each into one running sum; for SDSA-3 the pairs of k and v in a head, each into one, and a row of
    sums a query.
    """
    query, key, value = (spikes[f"{mixing}.{name}"] for name in ("query", "key", "value"))
    if config.mixing is Mixing.sdsa1:
        return int((key * value).sum())
    if config.mixing is Mixing.sdsa3:
        keys, values = (layer.view(*layer.shape[:-1], config.heads, -1).sum(-1).double() for layer in (key, value))
        return int((keys * values).sum()) + int(query.sum()) * (config.embedding_size // config.heads)
    past = key * value if config.mixing in GATED else value
    tokens = past.shape[1]
    reach = config.window if config.mixing in GATED else tokens
    seen_by = np.minimum(np.arange(tokens, 0, -1), reach)
    return int(past.sum(dim=(0, 2)).double().numpy() @ seen_by)
