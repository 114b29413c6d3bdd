"""Checkpoints of the paper's published code give the actions of the paper's equations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from dsf_common.errors import UserError
from dsf_export.fold import fold
from dsf_models.checkpoint import load_model_file
from dsf_models.configuration import ModelConfig, ModelKind, Norm, PositionBias
from dsf_models.published_checkpoint import load_published
from dsf_models.relative_position import by_distance, with_relative_position
from dsf_train.command_train import main
from neuro_runtime.environments import load_environment_spec
from support.small_datasets import load_episodes
from tests.dsf_models.paper_equations import PaperPolicy

Attention = Literal["pssa", "tssa", "sssa"]
ATTENTIONS: tuple[Attention, ...] = ("pssa", "tssa", "sssa")
SMALL = {"size": 16, "blocks": 1, "context": 8, "observations": 3, "actions": 1}
BLOCK = "transformer.transformer.blocks.0"
LARGE = {"size": 64, "blocks": 3, "context": 20, "observations": 45, "actions": 24}


def published(
    attention: Attention, size: int, blocks: int, context: int, observations: int, actions: int, seed: int = 0
) -> dict[str, Tensor]:
    """A checkpoint with random weights under which every layer fires, in the published naming."""
    generator = torch.Generator().manual_seed(seed)
    weights: dict[str, Tensor] = {}

    def normal(*shape: int, scale: float = 1.0, mean: float = 0.0) -> Tensor:
        return mean + scale * torch.randn(*shape, generator=generator)

    def linear(name: str, inputs: int, outputs: int) -> None:
        weights[f"{name}.weight"] = normal(outputs, inputs, scale=inputs**-0.5)
        weights[f"{name}.bias"] = normal(outputs, scale=0.3)

    def norm(name: str, width: int) -> None:
        weights[f"{name}.norm.norm1.ln.weight"] = normal(width)  # training alone uses this branch
        weights[f"{name}.norm.norm1.ln.bias"] = normal(width)
        weights[f"{name}.norm.norm2.bn.weight"] = normal(width, scale=0.2, mean=0.7)
        weights[f"{name}.norm.norm2.bn.bias"] = normal(width, scale=0.2, mean=0.2)
        weights[f"{name}.norm.norm2.bn.running_mean"] = normal(width, scale=0.2)
        weights[f"{name}.norm.norm2.bn.running_var"] = 0.3 + torch.rand(width, generator=generator)
        weights[f"{name}.norm.norm2.bn.num_batches_tracked"] = torch.tensor(1000)
        weights[f"{name}.norm.iter"] = torch.tensor(500)

    linear("embed", observations + actions + 1, size)
    weights["embed_ln.weight"], weights["embed_ln.bias"] = normal(size, scale=0.2, mean=1), normal(size, scale=0.1)
    for number in range(blocks):
        block = f"transformer.transformer.blocks.{number}"
        for part in ("q", "k", "v", "last"):
            linear(f"{block}.attn.{part}_m", size, size)
            norm(f"{block}.attn.{part}_ln", size)
        if attention == "pssa":
            weights[f"{block}.attn.pos_bias"] = normal(context, context, scale=0.3, mean=0.5)
        linear(f"{block}.mlp.fc1", size, 4 * size)
        norm(f"{block}.mlp.ln1", 4 * size)
        linear(f"{block}.mlp.fc2", 4 * size, size)
        norm(f"{block}.mlp.ln2", size)
    norm("transformer.transformer.last_ln", size)
    linear("predict_action.0", size, actions)
    return weights


def told(attention: Attention, context: int = 20, heads: int = 1) -> ModelConfig:
    return ModelConfig(mixing=attention, context=context, heads=heads, streaming=False)


def assert_same_actions(
    weights: Mapping[str, Tensor], attention: Attention, sizes: Mapping[str, int], heads: int = 1
) -> PaperPolicy:
    """Compare model and equations on a window of random tokens, in float64 so that no spike is a matter of rounding."""
    model = load_published(weights, told(attention, sizes["context"], heads)).double().eval()
    generator = np.random.default_rng(1)
    tokens = [
        generator.normal(size=(sizes["context"], width)) for width in (sizes["observations"], sizes["actions"], 1)
    ]
    plain = {name.removeprefix("module."): value.double().numpy() for name, value in weights.items()}
    paper = PaperPolicy(plain, attention, sizes["blocks"], heads)
    expected = paper.actions(*tokens)
    mask = torch.ones(1, sizes["context"], dtype=torch.bool)
    with torch.no_grad():
        actions = model(*(torch.from_numpy(part)[None] for part in tokens), mask)[0].numpy()
    assert np.abs(actions - expected).max() < 1e-5
    assert expected.std() > 0.1
    return paper


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("sizes", [SMALL, LARGE], ids=["small", "large"])
def test_actions_are_those_of_the_papers_equations(attention: Attention, sizes: dict[str, int]) -> None:
    paper = assert_same_actions(published(attention, **sizes), attention, sizes)
    assert len(paper.rates) == 7 * sizes["blocks"]
    assert all(0.01 < rate < 0.99 for rate in paper.rates), "every layer takes part in the comparison"


@pytest.mark.parametrize("attention", ["tssa", "sssa"])
def test_heads_are_told_not_inferred(attention: Attention) -> None:
    weights = published(attention, **SMALL)
    assert_same_actions(weights, attention, SMALL, heads=4)
    one, four = (load_published(weights, told(attention, heads=heads)) for heads in (1, 4))
    tokens = (torch.randn(1, 8, 3), torch.randn(1, 8, 1), torch.randn(1, 8, 1), torch.ones(1, 8, dtype=torch.bool))
    assert not torch.equal(one(*tokens), four(*tokens))


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_float32_takes_the_same_decisions(attention: Attention) -> None:
    """As loaded, in the checkpoint's own precision."""
    weights = published(attention, **SMALL)
    model = load_published(weights, told(attention, SMALL["context"]))
    tokens = [torch.randn(1, 8, width, generator=torch.Generator().manual_seed(3)) for width in (3, 1, 1)]
    with torch.no_grad():
        actions = model(*tokens, torch.ones(1, 8, dtype=torch.bool))[0].numpy()
    paper = PaperPolicy({name: value.double().numpy() for name, value in weights.items()}, attention, blocks=1)
    assert np.abs(actions - paper.actions(*(part[0].double().numpy() for part in tokens))).max() < 1e-5


def test_a_checkpoint_is_a_dsformer_whatever_is_told() -> None:
    other = ModelConfig(kind=ModelKind.mlp, norm=Norm.tdbn)
    config = load_published(published("pssa", **SMALL), other).config
    assert (config.kind, config.norm) == (ModelKind.dsformer, Norm.ptbn)


def test_names_from_data_parallel_training_load() -> None:
    weights = {f"module.{name}": value for name, value in published("pssa", **SMALL).items()}
    assert_same_actions(weights, "pssa", SMALL)


def test_skip_of_repbn_is_kept() -> None:
    weights = published("pssa", **SMALL)
    norms = [name.removesuffix(".bn.weight") for name in weights if name.endswith(".norm2.bn.weight")]
    weights |= {f"{norm}.alpha": torch.tensor([0.3]) for norm in norms}
    assert_same_actions(weights, "pssa", SMALL)


def test_layer_norm_over_other_dimensions_is_no_obstacle() -> None:
    """The tdLN branch serves training alone."""
    weights = published("pssa", **SMALL)
    for name in [name for name in weights if ".norm1." in name]:
        weights[name] = torch.zeros(4, *weights[name].shape)
    assert_same_actions(weights, "pssa", SMALL)


def _without(weights: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name: value for name, value in weights.items() if part not in name}


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda weights: _without(weights, "norm2"), "trained with LayerNorm"),
        (lambda weights: _without(weights, "embed.weight"), "has no embed.weight"),
        (lambda weights: _without(weights, "predict_action.0.weight"), "has no predict_action.0.weight"),
        (lambda weights: _without(weights, "blocks.0.mlp.fc1.bias"), "mlp.hidden.linear.bias"),
        (lambda weights: weights | {"critic.weight": torch.ones(1)}, "critic.weight that no DSFormer has"),
        (
            lambda weights: weights | {f"{BLOCK}.attn.q_ln.norm.norm3.weight": torch.ones(1)},
            "only PTBN checkpoints load",
        ),
        (lambda weights: weights | {"embed.bias": torch.ones(5)}, "embedding.bias"),
        (
            lambda weights: weights | {"embed.bias": torch.full((16,), torch.nan)},
            "embed.bias is not a tensor of finite",
        ),
        (lambda weights: weights | {"embed.bias": "zero"}, "embed.bias is not a tensor of finite"),
        (lambda weights: weights | {"embed.weight": torch.ones(16)}, "embed.weight has shape .*must be a matrix"),
        (lambda weights: weights | {"embed.weight": torch.ones(16, 2)}, "no room for a state"),
        (lambda weights: weights | {f"{BLOCK}.attn.pos_bias": torch.tensor(1.0)}, "pos_bias has shape .*a matrix"),
        (lambda weights: weights | {f"{BLOCK}.attn.pos_bias": torch.ones(8, 3)}, "attention.position.weight"),
        (lambda weights: weights | {f"{BLOCK}.mlp.ln1.norm.norm2.alpha": torch.ones(3)}, "it must be one"),
        (
            lambda weights: (
                _without(weights, "ln1.norm.norm2.bn.running_var")
                | {f"{BLOCK}.mlp.ln1.norm.norm2.alpha": torch.ones(1)}
            ),
            "has no .*running_var",
        ),
        (
            lambda weights: weights | {f"{BLOCK}.attn.q_m.weight": torch.ones(16, 5)},
            "attention.query.linear.weight",
        ),
    ],
)
def test_checkpoints_that_do_not_fit_are_refused(spoil: object, sentence: str) -> None:
    assert callable(spoil)
    with pytest.raises(UserError, match=sentence) as refused:
        load_published(spoil(published("pssa", **SMALL)))
    assert "\n" not in str(refused.value)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "published.pt"
    torch.save(published("sssa", **SMALL), path)
    return path


def test_command_brings_a_checkpoint_over(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--import-published", str(checkpoint), "env=pendulum", f"output={tmp_path}", "name=theirs"]
    assert main([*arguments, "model.mixing=sssa", "model.streaming=false"]) == 0
    model_file = tmp_path / "pendulum" / "theirs" / "model.pt"
    assert str(model_file) in capsys.readouterr().out
    policy = load_model_file(model_file)
    assert policy.environment == "pendulum"
    assert policy.model.config.mixing == "sssa"
    spec = load_environment_spec("pendulum")
    assert (policy.normalisation.return_scale, policy.return_target) == (spec.return_scale, spec.return_targets[0])
    states = np.concatenate([episode.observations for episode in load_episodes(spec, None)]).astype(float)
    assert np.allclose(policy.normalisation.state_mean, states.mean(axis=0), atol=1e-5)
    assert np.allclose(policy.normalisation.state_std, states.std(axis=0), atol=1e-5)
    expected = load_published(torch.load(checkpoint, weights_only=True), policy.model.config)
    tokens = (torch.randn(1, 8, 3), torch.randn(1, 8, 1), torch.randn(1, 8, 1), torch.ones(1, 8, dtype=torch.bool))
    assert torch.equal(policy.model(*tokens), expected(*tokens))

    before = model_file.read_bytes()
    assert main([*arguments, "model.mixing=sssa", "model.streaming=false"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert model_file.read_bytes() == before


def test_command_refuses_another_environments_checkpoint(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--import-published", str(checkpoint), "env=pendulum-hidden", f"output={tmp_path}"]) == 2
    assert "takes 3 observations" in capsys.readouterr().err
    assert not list(tmp_path.glob("**/model.pt"))


def test_options_of_training_are_refused_beside_an_import(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["--import-published", str(checkpoint), "env=pendulum", f"output={tmp_path}/runs", "model.mixing=sssa"]
    for option in ("steps=5", "final_episodes=3"):
        assert main([*call, option]) == 2
        key = option.partition("=")[0]
        assert f"{key} is of training, and --import-published does not train" in capsys.readouterr().err
    assert main([*call, "--resume"]) == 2
    assert "--import-published does not train: give one of them" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_raw_checkpoint_is_sent_to_the_import(checkpoint: Path) -> None:
    with pytest.raises(UserError, match="--import-published"):
        load_model_file(checkpoint)


def test_weights_of_distances_are_means_over_the_places_that_a_decision_uses() -> None:
    weight = torch.arange(25.0).view(5, 5)
    assert by_distance(weight, window=3, places=1)[:, 0].tolist() == [24, 23, 22]
    assert by_distance(weight, window=3, places=2)[:, 0].tolist() == [21, 20, 19]
    assert by_distance(weight, window=6, places=4)[:, 0].tolist() == [15, 14, 16, 18, 20, 0]


def test_a_checkpoint_whose_weights_know_distances_alone_keeps_every_action() -> None:
    weights = published("pssa", **SMALL)
    for name in [name for name in weights if name.endswith("pos_bias")]:
        place = torch.arange(len(weights[name]))
        weights[name] = 1.0 / (1 + (place[:, None] - place[None]).abs())
    model = load_published(weights, told("pssa", SMALL["context"])).double()
    relative = with_relative_position(model)
    tokens = [torch.randn(1, SMALL["context"], width, dtype=torch.float64) for width in (3, 1, 1)]
    mask = torch.ones(1, SMALL["context"], dtype=torch.bool)
    torch.testing.assert_close(relative(*tokens, mask)[:, -1], model(*tokens, mask)[:, -1])
    assert relative.config.position_bias is PositionBias.relative


def test_command_makes_a_checkpoint_stream_and_says_what_that_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(published("pssa", **SMALL), tmp_path / "published.pt")
    arguments = ["--import-published", str(tmp_path / "published.pt"), "env=pendulum", f"output={tmp_path}"]
    assert main([*arguments, "name=theirs", "--relative", "final_episodes=2", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document["scores"]) == ["a weight a pair of places", "a weight a distance"]
    policy = load_model_file(Path(document["model"]))
    assert policy.model.config.position_bias is PositionBias.relative
    assert policy.model.config.streaming
    fold(policy.model)


def test_only_weights_of_pairs_of_places_become_others(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--import-published", str(checkpoint), "env=pendulum", "model.mixing=sssa", "--relative"]) == 2
    assert "has no weights of pairs of places" in capsys.readouterr().err
    assert main(["env=pendulum", "--relative"]) == 2
    assert "--relative belongs to --import-published" in capsys.readouterr().err
