"""The shipped policies are small, have a card, are of one piece, and are as good as the card says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dsf_common.files import sha256_of
from dsf_export.optimise.lean_candidate import made_lean_again
from dsf_export.optimise.passes import PASSES
from dsf_export.rounded_again import rounded_again
from dsf_models.checkpoint import load_model_file
from neuro_runtime.environments import load_environment_spec, make_environment
from neuro_runtime.episodes.rollout import run_episodes
from neuro_runtime.policy import load_policy
from neuro_runtime.policy_files import PRETRAINED, shipped_policies
from neuro_runtime.program.storage import load_program
from neuro_runtime.program.wire import program_to_wire

SHIPPED = (
    "door-e",
    "door-e-one-step",
    "halfcheetah-m-e",
    "halfcheetah-m-e-one-step",
    "hammer-e",
    "hammer-e-one-step",
    "hopper-hidden",
    "hopper-m-e",
    "hopper-m-e-one-step",
    "pen-e",
    "pen-e-one-step",
    "pendulum",
    "pendulum-hidden",
    "relocate-e",
    "relocate-e-one-step",
    "t-maze-30",
    "t-maze-30-one-step",
    "t-maze-30-tssa",
    "walker2d-hidden",
    "walker2d-m-e",
    "walker2d-m-e-one-step",
)
LARGEST_BYTES = 5_000_000  # two blocks of free matrices, as the hidden tasks take


def test_these_ship() -> None:
    assert tuple(shipped_policies()) == SHIPPED


def environment_of(name: str) -> str:
    """A second policy of an environment has a word more in its name."""
    return name.removesuffix("-one-step").removesuffix("-tssa")


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
    again = rounded_again(program, policy)
    if PASSES in program.provenance:
        again = made_lean_again(again, program.provenance)
    (header, arrays), (stored_header, stored) = program_to_wire(again), program_to_wire(program)
    assert header == stored_header
    for part, array in arrays.items():
        # The host's real numbers may differ in the last bit from one processor to the next; the network is integers.
        assert np.array_equal(array, stored[part]) if array.dtype.kind == "i" else np.allclose(array, stored[part])


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
