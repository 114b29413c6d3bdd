"""The price of synops: it counts what the exported program does, and training that pays it does less."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dsf_common.errors import UserError
from dsf_export.fold import fold
from dsf_export.program_events import ProgramEvents, program_events
from dsf_export.program_graph import BIAS
from dsf_models.configuration import ModelConfig, ModelKind
from dsf_train.run_options import training_config
from dsf_train.trainer import train
from neuro_runtime.program import Program
from neuro_runtime.program.nodes import Dense
from support.random_policies import random_policy
from support.small_policies import (
    ACTIONS,
    BESIDE,
    DELAY,
    DELAY_MATRIX,
    LEVELS,
    LOW_RANK,
    OBSERVATIONS,
    PSSA,
    PSSA_LEVELS,
    SDSA1,
    SDSA3,
    SSSA,
    TSSA,
    WIDE,
    lowered,
)
from tests.dsf_train.program_beside_model import counted
from tests.dsf_train.tiny_run import TINY, tiny


def bias_synops(program: Program) -> int:
    """Synops of the bias line in one decision."""
    biases = [item for item in program.connections if isinstance(item, Dense) and item.source == BIAS]
    return program.active_steps * sum(item.weight.size for item in biases if item.weight.any())


@pytest.mark.parametrize(
    "config",
    [
        PSSA,
        TSSA,
        SSSA,
        SDSA1,
        SDSA3,
        DELAY,
        DELAY_MATRIX,
        WIDE,
        LOW_RANK,
        BESIDE,
        LEVELS,
        PSSA_LEVELS,
        replace(PSSA, kind=ModelKind.spiking_mlp),
    ],
    ids=[
        "pssa",
        "tssa",
        "sssa",
        "sdsa1",
        "sdsa3",
        "delay",
        "delay-matrix",
        "wide",
        "low rank",
        "beside",
        "levels",
        "pssa levels",
        "mlp",
    ],
)
def test_it_is_what_the_program_counts(config: ModelConfig) -> None:
    policy = random_policy(config, OBSERVATIONS, ACTIONS, seed=1)
    found = counted(policy)
    unchanging = len(found.activities) * bias_synops(lowered(policy)[1])
    synops = sum(sum(activity.synops.values()) for activity in found.activities) - unchanging
    with torch.no_grad():
        estimate = ProgramEvents(fold(policy.model)).count(found.spikes, found.mask).synops
    assert estimate.item() == pytest.approx(synops / 10, rel=1e-6)
    assert synops > 1000


@pytest.mark.parametrize(
    "config", [PSSA, TSSA, SSSA, SDSA1, DELAY, DELAY_MATRIX], ids=["pssa", "tssa", "sssa", "sdsa1", "delay", "matrix"]
)
def test_its_gradient_reaches_the_weights_of_every_layer(config: ModelConfig) -> None:
    model = random_policy(config, OBSERVATIONS, ACTIONS, seed=1).model
    spikes: dict[str, Tensor] = {}
    mask = torch.ones(4, 6, dtype=torch.bool)
    model(*torch.split(torch.randn(4, 6, 9), [OBSERVATIONS, ACTIONS, 1], dim=-1), mask, spikes)
    torch.autograd.backward(ProgramEvents(fold(model)).count(spikes, mask).synops)
    learned = [(name, value.grad) for name, value in model.named_parameters() if "layer_norm" not in name]
    without = {name for name, gradient in learned if gradient is None or not gradient.any()}
    behind_every_spike = ("head.", "last_norm.", "blocks.1.mlp.project.")
    assert without == {name for name, _ in learned if name.startswith(behind_every_spike)}


def last_synops(folder: Path, *overrides: str) -> tuple[float, float]:
    """Synops a decision and loss at the end of a short run."""
    result = train(training_config([*TINY, f"output={folder}", *overrides]))
    records = [json.loads(line) for line in (result.model_file.parent / "metrics.jsonl").read_text().splitlines()]
    (last,) = [record for record in records if record["step"] == int(records[-1]["step"]) and "synops" in record]
    return last["synops"], last["loss"]


def test_a_price_lowers_synops(tmp_path: Path) -> None:
    free, _ = last_synops(tmp_path, "name=free", "steps=150")
    paid, loss = last_synops(tmp_path, "name=paid", "steps=150", "synop_price=200")
    assert 0 < paid < 0.7 * free
    assert loss < 1  # the loss is that of the actions alone, and still is one of a policy that does something


def test_what_has_no_program_has_no_synops(tmp_path: Path) -> None:
    config = replace(PSSA, window=6, streaming=False)
    assert program_events(random_policy(config, OBSERVATIONS, ACTIONS).model) is None
    assert program_events(random_policy(PSSA, OBSERVATIONS, ACTIONS).model) is not None
    priced = training_config(tiny("model.kind=mlp", "synop_price=1", f"output={tmp_path}"))
    with pytest.raises(UserError, match="computes with real numbers"):
        train(priced)
    assert not any(tmp_path.iterdir())
    with pytest.raises(UserError, match=r"synop_price=-1\.0 must be 0 or more"):
        training_config([*TINY, "synop_price=-1"]).validate()
