"""A user's own token mixing, one class, trains from a firing-rate initialisation, is stored, loaded and counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dsf_common.errors import UserError
from dsf_models.checkpoint import load_model_file
from dsf_models.configuration import ModelConfig
from dsf_models.lif import Lif
from dsf_models.mixings import register_mixing
from dsf_models.mixings.delayed_synapses import DelayedSynapses
from dsf_models.mixings.past import sum_of_past
from dsf_models.normalisation_choice import normalisation
from dsf_models.padding import TokenLayout
from dsf_models.spiking_layers import NormalisedLinear
from dsf_models.torch_backend import TorchBackend
from dsf_train.run_options import training_config
from dsf_train.trainer import train
from neuro_runtime.token import Token


@register_mixing("halving-trace")
class HalvingTrace(DelayedSynapses):
    """``y_i = SN(norm(Σ_{j<S} 2^{−j} (W s_{i−j} + b)))``."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        size = config.embedding_size
        self.linear = torch.nn.Linear(config.mixing_inputs, size)
        self.norm = normalisation(size, config)
        self.neuron = Lif(config.beta, config.threshold)
        self.project = NormalisedLinear(size, size, config)

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        if config.window > 8:
            raise UserError(f"model.window={config.window} must be at most 8: what is older counts for nothing.")

    def fire(self, inputs: Tensor, layout: TokenLayout) -> Tensor:
        current = layout.unpack(self.linear(inputs))
        trace = sum_of_past([current / 2**distance for distance in range(self.config.window)])
        output: Tensor = self.neuron(self.norm(layout.pack(trace)))
        return output

    def present_bias(self) -> Tensor:
        return self.linear.bias


TINY = (
    "env=pendulum",
    "model.mixing=halving-trace",
    "model.embedding_size=16",
    "model.blocks=2",
    "model.window=3",
    "model.context=5",
    "model.norm=none",
    "steps=3",
    "batch_size=16",
    "log_every=1",
    "evaluate_every=0",
    "final_episodes=1",
    "threads=1",
    "initial_firing_rate=0.1",
)


def test_it_trains_is_stored_and_its_work_is_counted(tmp_path: Path) -> None:
    policy = load_model_file(train(training_config([*TINY, f"output={tmp_path}"])).model_file)
    assert policy.model.config.mixing == "halving-trace"
    backend, random = TorchBackend(policy), np.random.default_rng(0)
    for state in random.uniform(-1, 1, size=(5, 3)):
        activity = backend.decide(Token(state, np.zeros(1), return_to_go=-250.0)).activity
    for block in range(2):
        read, fired = (activity.spikes[f"block{block}.attention.{layer}"] for layer in ("input", "output"))
        assert fired > 0
        assert activity.synops[f"block{block}.attention.output"] == read * 3 * 16
        assert activity.synops[f"block{block}.attention.project"] == fired * 16


def test_its_own_settings_are_checked() -> None:
    with pytest.raises(UserError, match=r"model.window=9 must be at most 8"):
        training_config([*TINY, "model.window=9", "model.context=20"]).validate()
    with pytest.raises(UserError, match=r"model.mixing_rank is no setting of model.mixing=halving-trace"):
        training_config([*TINY, "model.mixing_rank=2"]).validate()
    with pytest.raises(UserError, match=r"2 blocks with model.window=4 see 7 tokens"):
        training_config([*TINY, "model.window=4"]).validate()
