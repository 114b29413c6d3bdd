"""A user's own token mixing, two classes, goes all the way: trained, exported with parity, run as a program."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dsf_common.errors import UserError
from dsf_export.command_export import main
from dsf_export.folding import fold_affine, fold_linear, fold_norm
from dsf_export.mixings import FoldedMixing, MixingLowering, lowering_of, register_lowering
from dsf_export.mixings.delayed_synapses import FoldedDelays
from dsf_models.configuration import ModelConfig
from dsf_models.lif import Lif
from dsf_models.mixings import register_mixing
from dsf_models.mixings.delayed_synapses import DelayedSynapses
from dsf_models.mixings.past import sum_of_past
from dsf_models.normalisation_choice import normalisation
from dsf_models.padding import TokenLayout
from dsf_models.spiking_layers import NormalisedLinear
from dsf_train.run_options import training_config
from dsf_train.trainer import train
from neuro_runtime.policy import load_policy
from neuro_runtime.program.nodes import Dense
from neuro_runtime.program.storage import load_program

WINDOW, SIZE, SHARE_KEPT = 3, 16, 0.6
CONFIG = (
    "env=pendulum",
    "model.mixing=exponential-trace",
    f"model.embedding_size={SIZE}",
    "model.blocks=2",
    f"model.window={WINDOW}",
    "model.context=5",
    "steps=50",
    "batch_size=16",
    "log_every=25",
    "evaluate_every=0",
    "final_episodes=1",
    "threads=1",
    "initial_firing_rate=0.1",
    "synop_price=1",
)


@register_mixing("exponential-trace")
class ExponentialTrace(DelayedSynapses):
    """``y_i = SN(PTBN(W Σ_{j<S} a^j s_{i−j}))``: each input leaves a trace that decays from token to token."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.linear = torch.nn.Linear(config.mixing_inputs, config.embedding_size)
        self.norm = normalisation(config.embedding_size, config)
        self.neuron = Lif(config.beta, config.threshold)
        self.project = NormalisedLinear(config.embedding_size, config.embedding_size, config)

    def fire(self, inputs: torch.Tensor, layout: TokenLayout) -> torch.Tensor:
        windows = layout.unpack(inputs)
        trace = sum_of_past([windows * SHARE_KEPT**distance for distance in range(self.config.window)])
        output: torch.Tensor = self.neuron(self.norm(self.linear(layout.pack(trace))))
        return output

    def present_bias(self) -> torch.Tensor:
        return self.linear.bias


class ExponentialTraceLowering(MixingLowering[ExponentialTrace]):
    """One matrix a delay, ``W_j = a^j diag(g) W``, up to S."""

    def fold(self, mixing: ExponentialTrace, prefix: str, threshold: float) -> dict[str, FoldedMixing]:
        affine = fold_affine(mixing.linear)
        gain, offset = fold_norm(mixing.norm, f"{prefix}.norm", affine.bias)
        weight = gain[:, None] * affine.weight / threshold
        kept = SHARE_KEPT ** torch.arange(mixing.config.window).double()
        folded = FoldedDelays(
            weight=kept[:, None, None] * weight,
            past_bias=torch.zeros(mixing.config.window, len(affine.bias)).to(weight),
            bias=(gain * affine.bias + offset) / threshold,
            project=fold_linear(mixing.project, f"{prefix}.project", threshold),
        )
        return {prefix: folded}


register_lowering("exponential-trace", ExponentialTraceLowering())


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy with the mixing, trained for 50 steps on the pendulum's generated data."""
    return train(training_config([*CONFIG, f"output={tmp_path_factory.mktemp('runs')}"])).model_file


@pytest.fixture(scope="module")
def program_file(model_file: Path) -> Path:
    """Its Lava program, every stage of which matched the one before."""
    assert main([str(model_file), "--target", "lava", "--decisions", "30"]) == 0
    return model_file.with_name("program.dsf.h5")


def test_training_counts_what_its_spikes_cost(model_file: Path) -> None:
    records = [json.loads(line) for line in (model_file.parent / "metrics.jsonl").read_text().splitlines()]
    assert [record["synops"] > 0 for record in records if "synops" in record] == [True, True]


def test_its_program_has_a_matrix_a_delay(program_file: Path) -> None:
    program = load_program(program_file)
    into = program.connections_into("block1.attention.output")
    delays = {item.delay for item in into if isinstance(item, Dense) and item.source == "block1.attention.input"}
    assert delays == {ago * program.period for ago in range(WINDOW)}


def decisions(program_file: Path, backend: str, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Actions on made-up observations, of an episode that is longer than the window."""
    observations = np.random.default_rng(0).normal(size=(count, 3))
    with load_policy(program_file, backend=backend) as policy:
        return np.array([policy.act(observation, reward=-1.0) for observation in observations])


def test_its_program_decides(program_file: Path) -> None:
    actions = decisions(program_file, "interpreter", 6)
    assert len({float(action) for action in actions[:, 0]}) > 1
    np.testing.assert_array_equal(actions, decisions(program_file, "loihi-fast", 6))


@pytest.mark.lava
def test_lava_decides_likewise(program_file: Path) -> None:
    np.testing.assert_array_equal(decisions(program_file, "loihi-sim", 4), decisions(program_file, "interpreter", 4))


def test_a_mixing_without_a_lowering_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"model\.mixing=unheard has no program.*register a MixingLowering"):
        lowering_of("unheard")


def test_a_name_has_one_lowering() -> None:
    with pytest.raises(UserError, match=r"a lowering of model\.mixing=delay already, DelayLowering"):
        register_lowering("delay", ExponentialTraceLowering())
