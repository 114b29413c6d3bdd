"""A model fine-tuned through Loihi's weights: its program has the very weights that its forward pass used."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dsf_common.errors import UserError
from dsf_export.arrays import Array
from dsf_export.command_export import main
from dsf_export.group_synapses import GroupSynapses
from dsf_export.pipeline import Candidate, from_policy
from dsf_export.rounded_model import QuantisedDSFormer
from dsf_export.stages import run_model
from dsf_models.checkpoint import PolicyModel, load_model_file, save_model_file
from dsf_models.configuration import BiasSharing, ModelConfig, ModelKind
from dsf_models.quantisation import Quantisation, Scales
from dsf_train.qat.scales import choose_quantisation
from dsf_train.sampling import Batch
from dsf_train.trainer import action_loss
from neuro_runtime.program import Program, load_program
from neuro_runtime.program.nodes import Dense, Lif, Sparse
from neuro_runtime.program.weight_format import WeightFormat
from support.random_policies import random_policy
from support.small_policies import ACTIONS, DELAY, DELAY_MATRIX, OBSERVATIONS, PSSA, WIDE, lowered

POLICIES = {
    "pssa": (PSSA, WeightFormat(4, exponents=1)),
    "pssa, one vector a layer": (replace(PSSA, bias_sharing=BiasSharing.layer), WeightFormat(3, exponents=4)),
    "delay": (DELAY, WeightFormat(8, exponents=4)),
    "delay-matrix": (DELAY_MATRIX, WeightFormat(8, exponents=4)),
    "delay-matrix, wide": (WIDE, WeightFormat(8, exponents=4)),
    "delay, 2 bits": (DELAY, WeightFormat(2, exponents=1)),
    "spiking mlp": (replace(PSSA, kind=ModelKind.spiking_mlp, embedding_size=32), WeightFormat(4, exponents=2)),
}
STEPS, DECISIONS = 3, 12


def batch(config: ModelConfig, seed: int) -> Batch:
    random = torch.Generator().manual_seed(seed)
    widths = (OBSERVATIONS, ACTIONS, 1, ACTIONS)
    states, previous, returns, actions = (torch.randn(4, config.context, w, generator=random) for w in widths)
    mask = torch.ones(4, config.context, dtype=torch.bool)
    return Batch(states, previous, returns, actions.tanh(), mask, steps=mask.cumsum(dim=1) - 1)


def fine_tuned(config: ModelConfig, weight_format: WeightFormat) -> tuple[PolicyModel, dict[str, GroupSynapses]]:
    """A policy after a few steps, and what its last forward pass weighed by."""
    start = random_policy(config, OBSERVATIONS, ACTIONS, seed=1)
    quantisation = choose_quantisation(start.model, batch(config, 0), weight_format)
    model = QuantisedDSFormer.of(start.model, quantisation).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01)
    for step in range(STEPS):
        optimiser.zero_grad()
        torch.autograd.backward(action_loss(model, batch(config, step), {}))
        optimiser.step()
    with torch.no_grad():
        action_loss(model, batch(config, STEPS), {})
        used = model.synapses()  # kept from that pass, as no parameter has changed
    return replace(start, model=model.eval(), quantisation=quantisation), used


@pytest.fixture(scope="module", params=list(POLICIES))
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[PolicyModel, dict[str, GroupSynapses], Candidate]:
    """A fine-tuned policy, what it weighed by, and the program made of its model.pt."""
    config, weight_format = POLICIES[request.param]
    policy, used = fine_tuned(config, weight_format)
    path = tmp_path_factory.mktemp("model") / "model.pt"
    save_model_file(path, policy)
    candidate = from_policy(load_model_file(path), {}, DECISIONS, formats=[weight_format])
    return policy, used, candidate


def test_the_programs_weights_are_those_of_the_forward_pass_bit_for_bit(
    exported: tuple[PolicyModel, dict[str, GroupSynapses], Candidate],
) -> None:
    policy, used, candidate = exported
    float_program = lowered(policy)[1]
    assert policy.quantisation is not None
    compared = 0
    for name, synapses in used.items():
        node = candidate.program.node(name)
        scale = policy.quantisation.scales.of[name]
        assert not isinstance(node, Lif) or node.threshold == scale
        weights, biases = dequantised(candidate.program, float_program, name, scale)
        assert len(weights) == len(synapses.weights)
        assert len(biases) == len(synapses.biases)
        for mine, theirs in zip((*weights, *biases), (*synapses.weights, *synapses.biases), strict=True):
            np.testing.assert_array_equal(mine, theirs.detach().numpy())
            compared += mine.size
    assert compared > 3000


def dequantised(program: Program, float_program: Program, target: str, scale: int) -> tuple[list[Array], list[Array]]:
    """The values of the integers into ``target``, one array for each connection of the float program."""
    weights: list[Array] = []
    biases: list[Array] = []
    for real in float_program.connections_into(target):
        if isinstance(real, Dense):
            parts = [
                part.weight.astype(np.float64) * 2.0**part.exponent
                for part in program.connections_into(target)
                if isinstance(part, Dense) and (part.source, part.delay) == (real.source, real.delay)
            ]
            total: Array = np.sum(parts, axis=0) / scale
            (biases if real.source == "bias" else weights).append(total[:, 0] if real.source == "bias" else total)
        elif isinstance(real, Sparse):  # gate j·D + c into output c, of j tokens ago
            size = program.node(target).size
            total = np.zeros((size, program.node(real.source).size // size))
            for part in program.connections_into(target):
                assert isinstance(part, Sparse)
                places = part.target_index, part.source_index // size
                np.add.at(total, places, part.weight.astype(np.float64) * 2.0**part.exponent)
            weights.append(total / scale)
    return weights, biases


def test_the_program_fires_as_the_fine_tuned_model_does(
    exported: tuple[PolicyModel, dict[str, GroupSynapses], Candidate],
) -> None:
    """The rest is the rounding of states and of the token's current, which is fine beside that of weights."""
    policy, _, candidate = exported
    run = run_model(policy, candidate.recording, lambda: None)
    layers = [
        (mine[name], theirs[name])
        for mine, theirs in zip(candidate.run.spikes, run.spikes, strict=True)
        for name in theirs
    ]
    different = sum(int((mine != theirs).sum()) for mine, theirs in layers)
    assert different / sum(mine.size for mine, _ in layers) < 0.005
    assert sum(int(theirs.sum()) for _, theirs in layers) > 1000


def test_a_scale_that_weights_have_outgrown_is_halved() -> None:
    policy = grown(100.0)
    candidate = from_policy(policy, {}, 2, formats=[WeightFormat(4)])
    chosen_on = candidate.program.provenance["units_chosen_on"]
    assert chosen_on == "training with quantise=true, made coarser: block0.mlp.hidden"
    (layer,) = (layer for layer in candidate.layers if layer.layer == "block0.mlp.hidden")
    assert layer.alone is not None
    assert layer.alone.agreement > 0.98


def test_readers_of_the_token_stay_powers_of_two_apart_where_an_odd_scale_is_halved() -> None:
    policy, _ = fine_tuned(DELAY, WeightFormat(8))
    assert policy.quantisation is not None
    trained, odd = policy.quantisation.scales, 2 * policy.quantisation.scales.injected + 1
    readers = [f"block{block}.{reader}" for block in (0, 1) for reader in ("attention.input", "mlp.input")]
    quantisation = replace(policy.quantisation, scales=Scales({**trained.of, **dict.fromkeys(readers, odd)}, odd))
    program = from_policy(replace(policy, quantisation=quantisation), {}, 2, formats=[WeightFormat(8)]).program
    assert program.encoder.input_scale == trained.injected  # by which the first reader's bias holds the token
    assert program.provenance["units_chosen_on"] == f"training with quantise=true, made coarser: {', '.join(readers)}"


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
def test_weights_that_have_outgrown_every_scale_are_refused() -> None:
    with pytest.raises(UserError, match=r"block0\.mlp\.hidden could overflow by any scale"):
        from_policy(grown(1e9), {}, 2, formats=[WeightFormat(4)])


def grown(factor: float) -> PolicyModel:
    """A fine-tuned policy, one layer's weights larger since."""
    policy, _ = fine_tuned(DELAY, WeightFormat(4))
    with torch.no_grad():
        policy.model.get_parameter("blocks.0.mlp.hidden.linear.weight").mul_(factor)
    return policy


def test_scales_of_another_model_are_refused() -> None:
    policy = random_policy(DELAY, OBSERVATIONS, ACTIONS)
    quantisation = Quantisation(WeightFormat(4), Scales({"action": 1000}, injected=1000))
    with pytest.raises(UserError, match="names other neuron groups"):
        from_policy(replace(policy, quantisation=quantisation), {}, 2, formats=[WeightFormat(4)])


def test_the_command_takes_the_format_of_the_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy, _ = fine_tuned(DELAY, WeightFormat(3, exponents=2))
    path = tmp_path / "model.pt"
    save_model_file(path, policy)
    assert main([str(path), "--target", "lava", "--decisions", "2", "--json"]) == 0
    provenance = json.loads(capsys.readouterr().out)["program"]["provenance"]
    assert (provenance["weight_bits"], provenance["weight_exponents"]) == ("3", "2")
    assert provenance["units_chosen_on"] == "training with quantise=true"
    assert main([str(path), "--target", "lava", "--decisions", "2", "--bits", "8"]) == 0
    anew = load_program(tmp_path / "program.dsf.h5").provenance
    assert (anew["weight_bits"], anew["weight_exponents"]) == ("8", "2")
    assert anew["units_chosen_on"].startswith("2 decisions")
