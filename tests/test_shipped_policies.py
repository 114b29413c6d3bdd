"""The shipped policies are small, have a card, are of one piece, and are as good as the card says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dsf_common.files import sha256_of
from dsf_export.fold import fold
from dsf_export.lower import lower
from dsf_export.optimise.lean_candidate import THRESHOLDS, made_lean_again
from dsf_export.optimise.passes import PASSES
from dsf_export.quantise.exact_groups import exact_scales
from dsf_export.quantise.program_rounding import quantise
from dsf_models.checkpoint import load_model_file
from dsf_models.quantisation import Scales
from neuro_runtime.environments import load_environment_spec, make_environment
from neuro_runtime.episodes.rollout import run_episodes
from neuro_runtime.policy import load_policy
from neuro_runtime.policy_files import PRETRAINED, shipped_policies
from neuro_runtime.program import Program
from neuro_runtime.program.chip import Chip
from neuro_runtime.program.nodes import Lif
from neuro_runtime.program.storage import load_program
from neuro_runtime.program.weight_format import WeightFormat
from neuro_runtime.program.wire import program_to_wire

SHIPPED = (
    "door-e",
    "halfcheetah-m-e",
    "hammer-e",
    "hopper-m-e",
    "pen-e",
    "pendulum",
    "pendulum-hidden",
    "relocate-e",
    "t-maze-30",
    "t-maze-30-tssa",
    "walker2d-m-e",
)
LARGEST_BYTES = 3_000_000


def test_these_ship() -> None:
    assert tuple(shipped_policies()) == SHIPPED


def environment_of(name: str) -> str:
    """A second policy of an environment has a word more in its name."""
    return {"t-maze-30-tssa": "t-maze-30"}.get(name, name)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_policy_is_small_and_has_a_card(name: str) -> None:
    folder = PRETRAINED / name
    assert {path.name for path in folder.iterdir()} == {"model.pt", "program.dsf.h5", "card.md"}
    assert sum(path.stat().st_size for path in folder.iterdir()) < LARGEST_BYTES
    card = (folder / "card.md").read_text()
    for word in (
        "Data",
        "Training",
        "steps",
        "seed 0",
        f"dsf-train env={environment_of(name)}",
        "95 % interval",
        "fixed − float, paired",
    ):
        assert word in card


@pytest.mark.parametrize("name", SHIPPED)
def test_the_program_is_the_models(name: str) -> None:
    """Its provenance names the model file; quantising that with the program's scales and its passes give this network.

    The scales themselves were chosen on recorded activity, which need not be the same bit for bit on another machine.
    """
    folder = PRETRAINED / name
    program, policy = load_program(folder / "program.dsf.h5"), load_model_file(folder / "model.pt")
    assert program.environment == policy.environment == environment_of(name)
    assert program.provenance["model_sha256"] == sha256_of(folder / "model.pt")
    lowered = lower(fold(policy.model), policy, dict(program.provenance))
    bits, exponents = (int(program.provenance[f"weight_{key}"]) for key in ("bits", "exponents"))
    weight_format = WeightFormat(bits, exponents, Chip(program.provenance.get("chip", Chip.lava)))
    again = quantise(lowered, _scales(program, lowered), weight_format)
    if PASSES in program.provenance:
        again = made_lean_again(again, program.provenance)
    (header, arrays), (stored_header, stored) = program_to_wire(again), program_to_wire(program)
    assert header == stored_header
    for part, array in arrays.items():
        # The host's real numbers may differ in the last bit from one processor to the next; the network is integers.
        assert np.array_equal(array, stored[part]) if array.dtype.kind == "i" else np.allclose(array, stored[part])


def _scales(program: Program, lowered: Program) -> Scales:
    """The scales that a program was quantised with: thresholds of 1.0, and what the host multiplies and divides by."""
    scales = {node.name: int(node.threshold) for node in program.nodes if isinstance(node, Lif)}
    scales |= json.loads(program.provenance.get(THRESHOLDS, "{}"))
    scales |= exact_scales(lowered)  # of neurons that count, whose thresholds are no 1.0
    scales[program.accumulator.name] = round(lowered.readout.inverse_scale[0] / program.readout.inverse_scale[0] / 2**6)
    return Scales(scales, injected=int(program.encoder.input_scale))


@pytest.mark.parametrize("name", SHIPPED)
def test_no_place_of_the_machine_that_trained_it_is_kept(name: str) -> None:
    configuration = load_model_file(PRETRAINED / name / "model.pt").configuration
    assert configuration["output"] == "runs"
    assert Path(configuration["dataset"] or "").parts[1:] == ()


@pytest.mark.parametrize("name", ["pendulum", "pendulum-hidden"])
def test_a_pendulum_is_swung_up(name: str) -> None:
    spec, environment = load_environment_spec(name), make_environment(name)
    with load_policy(name, backend="interpreter") as policy:
        rollout = run_episodes(
            policy, environment, spec, episodes=5, seed=10_000, return_target=policy.return_target, on_step=lambda: None
        )
    environment.close()
    assert np.median([episode.score for episode in rollout.episodes]) > 80


@pytest.mark.parametrize("name", ["t-maze-30", "t-maze-30-tssa"])
def test_a_cue_is_remembered(name: str) -> None:
    """For 30 decisions, in integers."""
    with load_policy(name, backend="loihi-fast") as policy:
        spec, environment = load_environment_spec(policy.environment), make_environment(policy.environment)
        rollout = run_episodes(policy, environment, spec, episodes=6, seed=10_000, return_target=policy.return_target)
    environment.close()
    assert [episode.score for episode in rollout.episodes] == [100.0] * 6
