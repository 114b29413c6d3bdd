"""A start from data: layers that hardly fire are raised, the others stay as they are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dsf_common.errors import UserError
from dsf_models import DSFormer
from dsf_models.configuration import ModelConfig, ModelKind, Norm
from dsf_models.mixings.attention import meeting_rate
from dsf_models.normalisation import set_blend
from dsf_train.firing import SILENT_BELOW, firing_rates
from dsf_train.firing_rate_initialisation import raise_firing_rates
from dsf_train.run_options import training_config
from dsf_train.sampling import Batch
from dsf_train.trainer import train

RATE = 0.1


def config(mixing: str = "pssa", norm: Norm = Norm.ptbn, kind: ModelKind = ModelKind.dsformer) -> ModelConfig:
    return ModelConfig(
        kind=kind, embedding_size=16, blocks=2, context=4, window=2, mixing=mixing, norm=norm, streaming=False
    )


def batch() -> Batch:
    """Some windows are padded on the left."""
    random = torch.Generator().manual_seed(0)
    mask = torch.ones(12, 4, dtype=torch.bool)
    mask[0, :2] = False
    states, previous, returns, actions = (torch.randn(12, 4, width, generator=random) for width in (3, 2, 1, 2))
    return Batch(states, previous, returns, actions, mask, steps=mask.cumsum(dim=1) - 1)


def model_of(config: ModelConfig) -> DSFormer:
    """As training begins, λ = 1."""
    torch.manual_seed(0)
    model = DSFormer(config, 3, 2).train()
    set_blend(model, 1.0)
    return model


def rates(model: DSFormer) -> dict[str, float]:
    spikes: dict[str, Tensor] = {}
    some = batch()
    with torch.no_grad():
        model(some.states, some.previous_actions, some.returns_to_go, some.mask, spikes)
    return firing_rates(spikes)


@pytest.mark.parametrize(
    "config",
    [
        *(pytest.param(config(norm=norm), id=f"pssa, {norm.value}") for norm in (Norm.none, Norm.tdln, Norm.repbn)),
        *(pytest.param(config(mixing, Norm.none), id=mixing) for mixing in ("delay", "delay-matrix", "sdsa1")),
        pytest.param(replace(config("delay-matrix", Norm.none), mixing_ratio=2), id="delay-matrix, wide"),
        pytest.param(replace(config("delay-matrix", Norm.none), levels=3), id="delay-matrix, levels"),
        pytest.param(config("pssa-delay-matrix", Norm.none), id="pssa-delay-matrix"),
        pytest.param(config(kind=ModelKind.spiking_mlp, norm=Norm.none), id="spiking mlp"),
    ],
)
def test_every_layer_fires(config: ModelConfig) -> None:
    model = model_of(config)
    raise_firing_rates(model, batch(), RATE)
    raised = rates(model)
    assert min(rate for name, rate in raised.items() if not name.endswith("output")) >= 0.99 * RATE
    assert min(raised.values()) > RATE / 3  # the attention's factors are not independent


def test_a_silent_layer_is_raised_and_the_others_stay_as_they_are() -> None:
    """A layer whose bias has run away; and so, without gradient, what reads it would never learn."""
    model = model_of(config("delay"))
    for name, parameter in model.named_parameters():
        if name.endswith(
            ("project.norm.layer_norm.bias", "hidden.norm.layer_norm.bias", "attention.norm.layer_norm.bias")
        ):
            nn.init.constant_(parameter, 0.3)  # so that all the others fire more than is asked for
        if name == "blocks.1.mlp.hidden.norm.layer_norm.bias":
            nn.init.constant_(parameter, -9.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert rates(model)["block1.mlp.hidden"] == 0
    assert min(rate for name, rate in rates(model).items() if name != "block1.mlp.hidden") > RATE
    model.load_state_dict(before)  # that pass was in the running statistics
    shifts = raise_firing_rates(model, batch(), RATE)
    assert list(shifts) == ["block1.mlp.hidden"]
    changed = [name for name, value in model.state_dict().items() if not torch.equal(value, before[name])]
    assert changed == [f"blocks.1.mlp.hidden.norm.{branch}_norm.bias" for branch in ("layer", "batch")]
    assert rates(model)["block1.mlp.hidden"] == pytest.approx(RATE, rel=0.3)
    some = batch()
    actions = model(some.states, some.previous_actions, some.returns_to_go, some.mask)
    torch.autograd.backward(actions.square().sum())
    gradient = model.get_parameter("blocks.1.mlp.project.linear.weight").grad
    assert gradient is not None
    assert gradient.any()


@pytest.mark.parametrize("reach", [1, 5])
def test_factors_meet_at_the_rate(reach: int) -> None:
    """Independent spikes: the chance that q fires and one of the last ``reach`` pairs of k and v too."""
    share, random = meeting_rate(0.05, reach), torch.Generator().manual_seed(0)
    query, key, value = (torch.rand(3, 200_000, reach, generator=random) < share).unbind()
    met = query[:, 0] & (key & value).any(dim=1)
    assert met.float().mean().item() == pytest.approx(0.05, rel=0.05)


TINY = (
    "env=pendulum",
    "model.embedding_size=16",
    "model.blocks=1",
    "model.window=2",
    "model.context=4",
    "model.norm=none",
    "steps=2",
    "batch_size=32",
    "log_every=1",
    "evaluate_every=0",
    "final_episodes=1",
    "threads=1",
)


def silent_by_step(folder: Path, *overrides: str) -> list[set[str]]:
    """Names of silent layers at each step of a short run."""
    result = train(training_config([*TINY, f"output={folder}", *overrides]))
    records = [json.loads(line) for line in (result.model_file.parent / "metrics.jsonl").read_text().splitlines()]
    rates = [{key: rate for key, rate in record.items() if key.startswith("firing/")} for record in records]
    return [{name for name, rate in each.items() if rate < SILENT_BELOW} for each in rates if each]


def test_one_option_lets_every_layer_of_a_run_fire(tmp_path: Path) -> None:
    before = silent_by_step(tmp_path, "name=as-it-is")
    assert all("firing/block0.mlp.hidden" in silent for silent in before)
    assert silent_by_step(tmp_path, "name=raised", "initial_firing_rate=0.1") == [set(), set()]


def test_layers_found_silent_in_training_are_raised(tmp_path: Path) -> None:
    found, after = silent_by_step(tmp_path, "name=found", "homeostasis_rate=0.1")
    assert "firing/block0.mlp.hidden" in found
    assert not after


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["initial_firing_rate=1"], r"initial_firing_rate=1\.0 must be in \[0, 1\)"),
        (["initial_firing_rate=0.1", "model.kind=mlp"], "model.kind=mlp has no neurons"),
        (["initial_firing_rate=0.1", "quantise=true"], "quantise=true goes on with a trained policy"),
        (["homeostasis_rate=1"], r"homeostasis_rate=1\.0 must be in \[0, 1\)"),
        (["homeostasis_rate=0.1", "model.kind=mlp"], "model.kind=mlp has no neurons"),
        (["homeostasis_rate=0.1", "quantise=true"], "quantise=true goes on with a trained policy"),
    ],
)
def test_what_cannot_be_raised_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        training_config(["env=pendulum", *overrides]).validate()
