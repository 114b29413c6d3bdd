"""The whole model: shapes, padding, causality, gradients, recorded layers, and dimensions that are refused."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from dsf_common.errors import UserError
from dsf_models import DSFormer, make_model
from dsf_models.configuration import (
    ModelConfig,
    ModelKind,
    PositionBias,
)
from dsf_models.kernels.accelerate import accelerate
from dsf_models.normalisation import set_blend
from support.mixing_cases import MIXING_CASES, MixingCase

OBSERVATIONS, ACTIONS = 3, 2
SMALL = ModelConfig(embedding_size=16, heads=2, context=6, window=3)
PLAIN = [case for case in MIXING_CASES if not case.settings]


def firing_model(config: ModelConfig) -> DSFormer:
    """A model whose layers all fire."""
    torch.manual_seed(0)
    model = DSFormer(config, OBSERVATIONS, ACTIONS)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.4)
            nn.init.constant_(module.bias, 0.1)
        if isinstance(module, nn.BatchNorm1d):
            nn.init.constant_(module.bias, 0.2)
    return model.eval()


def tokens(batch: int, length: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(batch, length, width, generator=generator) for width in (OBSERVATIONS, ACTIONS, 1)]


def real(batch: int, length: int) -> Tensor:
    return torch.ones(batch, length, dtype=torch.bool)


@pytest.mark.parametrize("case", MIXING_CASES, ids=str)
def test_actions_are_bounded_and_zero_for_padding(case: MixingCase) -> None:
    mask = torch.arange(6) >= torch.tensor([[0], [4]])
    with torch.no_grad():
        actions = firing_model(case.config(SMALL))(*tokens(2, 6), mask)
    assert actions.shape == (2, 6, ACTIONS)
    assert actions[~mask].abs().max() == 0
    assert 0.01 < actions[mask].abs().mean() < 1


@pytest.mark.parametrize("case", MIXING_CASES, ids=str)
def test_a_later_token_changes_no_earlier_action(case: MixingCase) -> None:
    model, before = firing_model(case.config(SMALL)), tokens(1, 6)
    after = [torch.cat([part[:, :4], other[:, 4:]], dim=1) for part, other in zip(before, tokens(1, 6, 1), strict=True)]
    with torch.no_grad():
        first, second = model(*before, real(1, 6)), model(*after, real(1, 6))
    assert torch.equal(first[:, :4], second[:, :4])
    assert not torch.equal(first[:, 4:], second[:, 4:])


@pytest.mark.parametrize("case", MIXING_CASES, ids=str)
def test_a_short_window_is_a_padded_one(case: MixingCase) -> None:
    model, short = firing_model(case.config(SMALL)).double(), [part.double() for part in tokens(2, 4)]
    if model.config.position_bias is PositionBias.pairwise:
        nn.init.normal_(model.get_parameter("blocks.0.attention.position.weight"))
    padded = [torch.cat([part.new_ones(2, 2, part.shape[-1]), part], dim=1) for part in short]
    with torch.no_grad():
        expected = model(*padded, (torch.arange(6) >= 2).expand(2, -1))[:, 2:]
        assert torch.allclose(model(*short, real(2, 4)), expected, atol=1e-12)


@pytest.mark.parametrize("mixing", [case.mixing for case in PLAIN if not case.sees_all])
def test_a_shorter_window_is_as_good_once_it_holds_the_receptive_field(mixing: str) -> None:
    """L(S − 1) + 1 = 5 tokens decide, so the sixth changes nothing: why a stream gives the window's answer."""
    threshold = 0.3 if mixing == "sdsa3" else SMALL.threshold  # it counts an eighth of a score
    config = replace(SMALL, mixing=mixing, threshold=threshold)
    assert config.receptive_field == 5
    model, whole = firing_model(config).double(), [part.double() for part in tokens(1, 6)]
    with torch.no_grad():
        long, short, shorter = (model(*(part[:, -k:] for part in whole), real(1, k))[:, -1] for k in (6, 5, 2))
    assert torch.allclose(long, short, atol=1e-12)
    assert not torch.allclose(long, shorter, atol=1e-3)


@pytest.mark.parametrize("case", MIXING_CASES, ids=str)
def test_gradient_reaches_every_parameter(case: MixingCase) -> None:
    """With 0 < λ < 1, so that both branches of PTBN take part."""
    model = firing_model(case.config(SMALL)).train()
    set_blend(model, 0.5)
    for parameter in [value for name, value in model.named_parameters() if "position" in name]:
        nn.init.constant_(parameter, 0.7)
    torch.autograd.backward(model(*tokens(16, 6), real(16, 6)).square().sum())
    without = {name for name, value in model.named_parameters() if value.grad is None or not value.grad.any()}
    assert not without


@pytest.mark.parametrize("case", PLAIN, ids=str)
def test_recorded_layers_have_the_programs_names(case: MixingCase) -> None:
    spikes: dict[str, Tensor] = {}
    with torch.no_grad():
        firing_model(case.config(SMALL))(*tokens(2, 6), real(2, 6), spikes)
    expected = {f"block{b}.attention.{layer}" for b in range(2) for layer in ("input", *case.layers)}
    expected |= {f"block{b}.mlp.{layer}" for b in range(2) for layer in ("input", "hidden")}
    assert spikes.keys() == expected
    assert all(set(layer.flatten().tolist()) == {0.0, 1.0} for layer in spikes.values())
    widths = {name: layer.shape[-1] for name, layer in spikes.items()}
    assert {widths.pop(f"block{b}.mlp.hidden") for b in range(2)} == {4 * 16}
    assert set(widths.values()) == {16}
    assert {layer.shape[:2] for layer in spikes.values()} == {(4, 2 * 6)}


def test_what_cannot_stream_is_refused_with_values_that_can() -> None:
    config = ModelConfig(blocks=3, window=8, context=20)
    with pytest.raises(UserError, match=r"3 blocks with model.window=8 see 22 tokens, L\(S − 1\) \+ 1") as refused:
        config.validate()
    suggestions = re.findall(r"model\.(context|window|blocks)=(\d+)", str(refused.value).partition("choose")[2])
    assert [field for field, _ in suggestions] == ["context", "window", "blocks"]
    for field, value in suggestions:
        _with(config, field, int(value)).validate()
        nearer = int(value) - 1 if field == "context" else int(value) + 1
        with pytest.raises(UserError):
            _with(config, field, nearer).validate()
    replace(config, streaming=False).validate()


@pytest.mark.parametrize("config", [ModelConfig(window=50), ModelConfig(context=1), ModelConfig(blocks=40)])
def test_every_value_suggested_can_stream(config: ModelConfig) -> None:
    """Also where no number of blocks would do, which is then not suggested."""
    with pytest.raises(UserError, match="choose one of") as refused:
        config.validate()
    suggestions = re.findall(r"model\.(context|window|blocks)=(\d+)", str(refused.value).partition("choose")[2])
    assert len(suggestions) >= 2
    for field, value in suggestions:
        _with(config, field, int(value)).validate()


def _with(config: ModelConfig, field: str, value: object) -> ModelConfig:
    return ModelConfig(**{**vars(config), field: value})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"mixing": "tssa", "window": 6}, "2 blocks with model.window=6 see 11 tokens"),
        ({"mixing": "sdsa1", "window": 6}, "2 blocks with model.window=6 see 11 tokens"),
        ({"position_bias": PositionBias.pairwise}, "model.position_bias=pairwise weighs a token by its place"),
        (
            {"mixing": "pssa-delay-matrix", "position_bias": PositionBias.pairwise},
            "model.position_bias=pairwise weighs a token by its place",
        ),
        (
            {"mixing": "delay-matrix", "carry_membranes": True},
            "model.carry_membranes=true lets a token find what all tokens before it left",
        ),
    ],
)
def test_mixings_that_cannot_stream_say_so(options: dict[str, object], sentence: str) -> None:
    config = replace(SMALL, **options)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=sentence):
        config.validate()
    replace(config, streaming=False).validate()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"embedding_size": 0}, "model.embedding_size=0 must be at least 1"),
        ({"time_steps": -1}, "model.time_steps=-1 must be at least 1"),
        ({"heads": 3}, "model.heads=3 does not divide model.embedding_size=16"),
        ({"beta": 1.0}, "model.beta=1.0 must be in"),
        ({"threshold": 0.0}, "model.threshold=0.0 must be positive"),
        ({"threshold": float("nan")}, "model.threshold=nan must be positive and finite"),
        ({"beta": float("nan")}, "model.beta=nan must be in"),
        ({"levels": 0}, "model.levels=0 must be at least 1"),
        ({"mixing": "delay-matrix", "mixing_rank": -1}, "model.mixing_rank=-1 must be from 1 to"),
        ({"mixing": "delay-matrix", "mixing_rank": 17}, "model.mixing_rank=17 must be from 1 to"),
        (
            {"mixing_rank": 4},
            "model.mixing_rank is no setting of model.mixing=pssa; choose model.mixing=delay-matrix or pssa-",
        ),
        ({"mixing": "delay", "carry_membranes": True}, "model.carry_membranes is no setting of model.mixing=delay;"),
    ],
)
def test_impossible_dimensions_are_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        replace(SMALL, **options).validate()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "own",
    [
        {"mixing": "delay-matrix", "mixing_rank": 5},
        {"mixing": "delay-matrix", "carry_membranes": True},
        {"mixing": "delay-matrix", "levels": 3},
        {"mixing": "pssa-delay-matrix"},
    ],
    ids=str,
)
def test_a_training_step_is_the_same_with_and_without_kernels(own: dict[str, object]) -> None:
    """A kernel's spikes must be spikes, whatever a mixing makes of its inputs."""
    model = firing_model(replace(SMALL, embedding_size=32, streaming=False, **own)).train()  # type: ignore[arg-type]
    parts, mask = tokens(8, 6), real(8, 6)
    used = [value for name, value in model.named_parameters() if ".layer_norm." not in name]  # λ = 0

    def step(form: DSFormer) -> tuple[Tensor, list[Tensor]]:
        actions = form(*parts, mask)
        return actions.detach(), list(torch.autograd.grad(actions.square().sum(), used))

    plain, plain_gradients = step(model)
    compiled, gradients = step(accelerate(model))
    torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(gradients, plain_gradients, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-2, atol=1e-3 * float(theirs.abs().max()) + 1e-5)


def test_each_level_of_a_population_code_is_a_layer() -> None:
    spikes: dict[str, Tensor] = {}
    with torch.no_grad():
        firing_model(replace(SMALL, mixing="delay-matrix", levels=3))(*tokens(2, 6), real(2, 6), spikes)
    levels = [f"block{b}.attention.level{level}.input" for b in range(2) for level in range(3)]
    assert spikes.keys() > set(levels)
    assert not any(name.endswith("attention.input") for name in spikes)
    assert all(spikes[name].shape == (4, 2 * 6, 16) for name in levels)
    assert all(torch.all(spikes[levels[n]] <= spikes[levels[n + 1]]) for n in (0, 1))  # while each fires at most once


@pytest.mark.parametrize(
    "kind", [ModelKind.dsformer, ModelKind.spiking_mlp, ModelKind.decision_transformer, ModelKind.decision_convformer]
)
def test_previous_actions_can_be_left_out(kind: ModelKind) -> None:
    """Neither in training nor afterwards do they change an action; as they are given, they do."""
    for told in (True, False):
        torch.manual_seed(0)
        model = make_model(replace(SMALL, kind=kind, previous_action=told), OBSERVATIONS, ACTIONS)
        states, actions, returns = tokens(2, 6)
        optimiser = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)
        for _ in range(3):
            torch.autograd.backward(model(states, actions, returns, real(2, 6)).square().sum())
            optimiser.step()
        with torch.no_grad():
            model.eval()
            same = torch.equal(
                model(states, actions, returns, real(2, 6)), model(states, actions + 1, returns, real(2, 6))
            )
        assert same is not told
        if isinstance(model, DSFormer):  # what an exporter reads
            columns = model.embedding.weight[:, OBSERVATIONS : OBSERVATIONS + ACTIONS]
            assert bool(columns.any()) is told
