"""The price of spikes: what training counts is what the energy account of the exported program counts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor

from dsf_common.errors import UserError
from dsf_export.fold import fold
from dsf_export.program_events import ProgramEvents, program_events
from dsf_export.program_graph import BIAS
from dsf_models.configuration import ModelConfig, ModelKind
from dsf_train.command_train import main
from dsf_train.run_options import training_config
from dsf_train.spike_cost import SpikeCost, spike_cost
from dsf_train.trainer import train
from hw_profiles.activity import ActivityCounts, PopulationCounts
from hw_profiles.chip_events import EVENTS, chip_events
from hw_profiles.energy import estimate_chip_energy
from hw_profiles.loader import load_profile
from hw_profiles.mapping import map_network
from hw_profiles.spike_energy import SpikeEnergy, spike_energy
from neuro_runtime.activity import mean_counts
from neuro_runtime.chip_network import chip_network
from neuro_runtime.program.weight_format import WeightFormat
from support.random_policies import random_policy
from support.small_policies import (
    ACTIONS,
    DELAY,
    DELAY_MATRIX,
    OBSERVATIONS,
    PSSA,
    quantised,
)
from tests.dsf_train.program_beside_model import counted
from tests.dsf_train.tiny_run import TINY, tiny

BY_SPIKES = [EVENTS[key] for key in ("synop", "spike_out", "message_out", "message_in")]
ONE_EXPONENT = WeightFormat(bits=8, exponents=1)  # a synapse a weight, as training counts


def only(counts: ActivityCounts, name: str) -> ActivityCounts:
    """One population's spikes alone."""
    populations = {
        other: PopulationCounts(each.spikes if other == name else 0.0, each.active_updates, each.idle_updates)
        for other, each in counts.by_population.items()
    }
    return replace(counts, by_population=populations)


@pytest.mark.parametrize(
    "config",
    [replace(PSSA, blocks=1), DELAY, DELAY_MATRIX, replace(PSSA, kind=ModelKind.spiking_mlp)],
    ids=["pssa", "delay", "delay-matrix", "mlp"],
)
def test_it_is_what_the_energy_account_says_of_spikes(config: ModelConfig) -> None:
    """Compared: the average decision on one core, without the bias line's spikes, which are always the same."""
    policy = random_policy(config, OBSERVATIONS, ACTIONS, seed=1)
    found = counted(policy)
    counts, spikes, mask = mean_counts(found.activities, by_population=True), found.spikes, found.mask
    profile = load_profile("loihi2")
    assert profile.capacity is not None
    roomy = replace(profile.capacity, neuron_groups_per_core=None)  # else PSSA takes two cores, so two messages a spike
    profile = replace(profile, capacity=roomy)
    mapping = map_network(chip_network(quantised(policy, ONE_EXPONENT)), profile)
    assert len(mapping.cores) == 1

    def by_spikes(activity: ActivityCounts) -> float:
        lines = estimate_chip_energy(chip_events(activity, mapping), profile, mapping).lines
        return sum(line.total_pj for line in lines if line.term in BY_SPIKES)

    account = by_spikes(counts) - by_spikes(only(counts, BIAS))
    cost = SpikeCost(program_events(policy.model), 0.0, 2.0, spike_energy("loihi2"))
    paid = cost(spikes, mask)
    assert isinstance(paid, Tensor)
    assert account > 10_000
    assert paid.item() == pytest.approx(2.0 * account / 1e6, rel=1e-5)
    assert cost.metrics(spikes, mask)["spike_microjoules"] == pytest.approx(account / 1e6, rel=1e-5)


def test_both_prices_are_paid_and_neither_is_not_counted() -> None:
    config = replace(PSSA, blocks=1)
    policy = random_policy(config, OBSERVATIONS, ACTIONS, seed=1)
    found = counted(policy)
    spikes, mask = found.spikes, found.mask
    of_program, energy = ProgramEvents(fold(policy.model)), SpikeEnergy(synop_pj=20.0, spike_pj=70.0)
    events = of_program.count(spikes, mask)
    paid = SpikeCost(of_program, 3.0, 2.0, energy)(spikes, mask)
    assert isinstance(paid, Tensor)
    wanted = 3.0 * events.synops.item() + 2.0 * (20.0 * events.synops.item() + 70.0 * events.spikes.item())
    assert paid.item() == pytest.approx(wanted / 1e6)
    assert SpikeCost(of_program, 0.0, 0.0, energy)({}, mask) == 0.0
    assert SpikeCost(None, 3.0, 2.0, energy)({}, mask) == 0.0
    assert SpikeCost(None, 3.0, 2.0, energy).metrics({}, mask) == {}


def test_a_spike_costs_what_its_profile_says() -> None:
    assert spike_energy("loihi1-davies2018") == SpikeEnergy(23.6, 1.7)
    assert spike_energy("loihi1-measured") == SpikeEnergy(35.5, 69.3 + 111.0)
    assert spike_energy("truenorth").spike_pj == 0.0
    assert spike_cost(training_config(["env=pendulum", "energy_price=5"]), None).energy_price == 5.0


def last_energy(folder: Path, *overrides: str) -> tuple[float, float]:
    """µJ a decision that its spikes take, and loss, at the end of a short run."""
    result = train(training_config([*TINY, f"output={folder}", *overrides]))
    records = [json.loads(line) for line in (result.model_file.parent / "metrics.jsonl").read_text().splitlines()]
    last = [record for record in records if "spike_microjoules" in record][-1]
    return last["spike_microjoules"], last["loss"]


def test_a_price_lowers_energy(tmp_path: Path) -> None:
    measured = "energy_profile=loihi1-measured"
    free, _ = last_energy(tmp_path, "name=free", "steps=150", measured)
    paid, loss = last_energy(tmp_path, "name=paid", "steps=150", "energy_price=6", measured)
    assert 0 < paid < 0.7 * free
    assert loss < 1  # the loss is that of the actions alone, and still is one of a policy that does something


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["energy_profile=loihi9"], "no profile 'loihi9': did you mean loihi2?"),
        (["energy_profile=jetson-nano"], "a processor's, which prices the ANN baselines"),
        (["energy_profile=speck"], "has no price of any event"),
        (["energy_profile=cmos45-memory"], "prices memory by the sizes of layers"),
        (["energy_price=-1"], "energy_price=-1.0 must be 0 or more"),
        (["energy_price=1", "model.kind=mlp"], "computes with real numbers, not spikes, so it has no program"),
        (["energy_price=1", "model.window=20", "model.streaming=false"], "so the streamed answer would differ"),
    ],
)
def test_what_cannot_be_priced_is_refused_in_one_sentence(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(tiny(f"output={tmp_path / 'runs'}", *options)) == 2
    (error,) = capsys.readouterr().err.strip().splitlines()
    assert message in error
    assert not any(tmp_path.iterdir())


def test_a_profile_of_ones_own_must_price_a_synop(tmp_path: Path) -> None:
    text = """schema: 2
name: own
title: Neurons alone
kind: convention
about: A test.
energy:
  neuron_active: {value: 1, unit: pJ, grade: inferred, source: "a test"}
not_counted: []
"""
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(UserError, match="own has no price of a synop"):
        spike_energy(str(tmp_path / "own.yaml"))
