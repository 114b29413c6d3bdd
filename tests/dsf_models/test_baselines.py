"""The baselines: their equations, what they see, their counted work, and that the tools take them as a DSFormer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from dsf_common.errors import UserError
from dsf_export.command_export import main as dsf_export
from dsf_export.fold import fold
from dsf_export.pipeline import from_policy
from dsf_models import DSFormer, PolicyNetwork, make_model
from dsf_models.checkpoint import Normalisation, PolicyModel, load_model_file, load_tensors, save_model_file
from dsf_models.configuration import ModelConfig, ModelKind, Surrogate
from dsf_models.decision_convformer import DecisionConvFormer
from dsf_models.decision_transformer import DecisionTransformer
from dsf_models.difference_mlp import DifferenceMlpPolicy
from dsf_models.dsformer import MlpBlock
from dsf_models.fcnet import FourierController
from dsf_models.kind_settings import is_taken
from dsf_models.mlp import MlpPolicy
from dsf_models.normalisation import set_blend
from dsf_models.recurrent_policy import RecurrentPolicy
from dsf_models.spikebert import SpikeBert
from dsf_models.spikegpt import SpikeGpt
from dsf_models.token_history import TokenHistory
from dsf_models.torch_backend import TorchBackend
from dsf_models.trajectory_embedding import ELEMENTS
from dsf_train import trainer
from dsf_train.configuration import Schedule, TrainConfig
from dsf_train.run_options import training_config
from dsf_train.sampling import Batch
from dsf_train.trainer import train
from neuro_runtime.command_run import main as dsf_run
from support.random_policies import random_policy
from support.small_policies import made_up

OBSERVATIONS, ACTIONS, K = 3, 2, 5
Array = NDArray[np.float64]
BASELINES = [kind for kind in ModelKind if kind is not ModelKind.dsformer]
WITHOUT_PROGRAM = [kind for kind in BASELINES if not kind.has_program]
RECURRENT = [ModelKind.fcnet, ModelKind.spikegpt]
TINY = (
    "env=pendulum",
    "model.embedding_size=8",
    "model.blocks=1",
    "model.context=4",
    "model.window=2",
    "model.time_steps=2",
    "batch_size=8",
    "checkpoint_every=10",
    "evaluate_every=0",
    "final_episodes=2",
    "threads=1",
)


def config(kind: ModelKind) -> ModelConfig:
    """Small dimensions; SpikeGPT's and SpikeBERT's neurons halve their inputs, so they get a low threshold."""
    chosen = ModelConfig(
        kind=kind, embedding_size=8, blocks=2, heads=2, context=K, window=4, mlp_ratio=2, episode_steps=9, modes=3
    )
    if kind in (ModelKind.spikegpt, ModelKind.spikebert):
        return replace(chosen, threshold=0.1, surrogate=Surrogate.arctangent)
    return chosen


def tiny(kind: ModelKind, *more: str) -> list[str]:
    """The options of a short run, without those that mean nothing to ``kind``."""
    own = ["model.modes=2"] if kind is ModelKind.fcnet else []
    return [*(pair for pair in TINY if is_taken(pair, kind)), *own, f"model.kind={kind.value}", *more]


def model_of(kind: ModelKind) -> PolicyNetwork:
    """Weights of every sort large enough to matter, in float64."""
    torch.manual_seed(0)
    model = make_model(config(kind), OBSERVATIONS, ACTIONS).double().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    return model


def tokens(batch: int, length: int = K, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    widths = (OBSERVATIONS, ACTIONS, 1)
    return [torch.randn(batch, length, width, generator=generator, dtype=torch.float64) for width in widths]


def real(batch: int, length: int = K) -> Tensor:
    return torch.ones(batch, length, dtype=torch.bool)


# --- Equations


def weights(model: nn.Module, name: str) -> Array:
    values: Array = model.state_dict()[name].numpy()
    return values


def affine(model: nn.Module, name: str, values: Array) -> Array:
    return values @ weights(model, f"{name}.weight").T + weights(model, f"{name}.bias")


def layer_norm(model: nn.Module, name: str, values: Array) -> Array:
    centred = values - values.mean(-1, keepdims=True)
    scaled: Array = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * weights(model, f"{name}.weight")
    return scaled + weights(model, f"{name}.bias")


def trajectory(model: nn.Module, states: Array, previous_actions: Array, returns: Array, first: int) -> Array:
    """R̂_1, s_1, a_1, R̂_2, …, a_K (not known), each with the vector of its step; steps from 8 on share one."""
    elements = []
    for place in range(len(states)):
        time = weights(model, "embedding.step.weight")[min(first + place, 8)]
        action = previous_actions[place + 1] if place + 1 < len(states) else np.zeros(ACTIONS)
        elements += [
            affine(model, "embedding.return_to_go", returns[place]) + time,
            affine(model, "embedding.state", states[place]) + time,
            affine(model, "embedding.action", action) + time,
        ]
    return layer_norm(model, "embedding.norm", np.array(elements))


def attended(model: nn.Module, name: str, values: Array) -> Array:
    """Causal multi-head attention, a query at a time."""
    projected = values @ weights(model, f"{name}.in_proj_weight").T + weights(model, f"{name}.in_proj_bias")
    q, k, v = np.split(projected, 3, axis=1)
    mixed, heads, width = np.zeros_like(q), 2, q.shape[1] // 2
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        for i in range(len(values)):
            shares = np.exp([q[i, part] @ k[j, part] / math.sqrt(width) for j in range(i + 1)])
            mixed[i, part] = shares @ v[: i + 1, part] / shares.sum()
    return affine(model, f"{name}.out_proj", mixed)


def decision_transformer(model: nn.Module, elements: Array) -> Array:
    for block in range(2):
        name = f"blocks.layers.{block}"
        elements = elements + attended(model, f"{name}.self_attn", layer_norm(model, f"{name}.norm1", elements))
        hidden = affine(model, f"{name}.linear1", layer_norm(model, f"{name}.norm2", elements))
        elements = elements + affine(model, f"{name}.linear2", np.maximum(hidden, 0))
    return np.tanh(affine(model, "head", layer_norm(model, "blocks.norm", elements)[1::3]))


def filtered(model: nn.Module, name: str, values: Array) -> Array:
    """Each element's own sort of filter over the last four elements."""
    result = np.zeros_like(values)
    for i in range(len(values)):
        weight = weights(model, f"{name}.filters.{i % 3}.weight")
        result[i] = weights(model, f"{name}.filters.{i % 3}.bias")
        for back in range(min(4, i + 1)):
            result[i] += weight[:, 0, 3 - back] * values[i - back]
    return result


def decision_convformer(model: nn.Module, elements: Array) -> Array:
    for block in range(2):
        name = f"blocks.{block}"
        elements = elements + filtered(model, f"{name}.filter", layer_norm(model, f"{name}.filter_norm", elements))
        hidden = affine(model, f"{name}.hidden", layer_norm(model, f"{name}.mlp_norm", elements))
        gelu = hidden * 0.5 * (1 + np.vectorize(math.erf)(hidden / math.sqrt(2)))
        elements = elements + affine(model, f"{name}.project", gelu)
    return np.tanh(affine(model, "head", layer_norm(model, "last_norm", elements)[1::3]))


@pytest.mark.parametrize(
    ("kind", "equations"),
    [
        (ModelKind.decision_transformer, decision_transformer),
        (ModelKind.decision_convformer, decision_convformer),
    ],
    ids=lambda value: getattr(value, "value", ""),
)
@pytest.mark.parametrize("first", [0, 6])
def test_sequence_models_are_their_equations(
    kind: ModelKind, equations: Callable[[nn.Module, Array], Array], first: int
) -> None:
    model, given = model_of(kind), tokens(1)
    with torch.no_grad():
        answers = model(*given, real(1), steps=torch.arange(first, first + K)[None])[0].numpy()
    states, previous_actions, returns = (part[0].numpy() for part in given)
    expected = equations(model, trajectory(model, states, previous_actions, returns, first))
    assert np.allclose(answers, expected, atol=1e-10)
    assert np.abs(expected).max() > 0.1


def test_the_mlp_is_its_equation_and_sees_the_state_alone() -> None:
    model, (states, actions, returns) = model_of(ModelKind.mlp), tokens(2)
    with torch.no_grad():
        answers, others = model(states, actions, returns, real(2)), model(states, -actions, returns + 1, real(2))
    hidden = states.numpy()
    for layer in ("layers.0", "layers.3"):
        hidden = np.maximum(affine(model, layer, hidden), 0)
    assert np.allclose(answers.numpy(), np.tanh(affine(model, "layers.6", hidden)), atol=1e-12)
    assert torch.equal(answers, others)


def test_the_difference_mlp_is_told_how_its_states_changed_and_the_return() -> None:
    """The first places of a window have no states before them; padding, here of ones, is none."""
    model, given = model_of(ModelKind.difference_mlp), tokens(1)
    states, _, returns = (part[0].numpy() for part in given)
    given[0][:, 0] = 1.0
    mask = torch.arange(K)[None] >= 1
    with torch.no_grad():
        answers = model(*given, mask)[0].numpy()
    window = 4
    for place in range(1, K):
        changes = [
            states[place - back] - states[place - back - 1] if place - back > 1 else np.zeros(OBSERVATIONS)
            for back in range(window - 1)
        ]
        hidden = np.concatenate([states[place], *changes, returns[place]])
        for layer in ("layers.0", "layers.3"):
            hidden = np.maximum(affine(model, layer, hidden), 0)
        assert np.allclose(answers[place], np.tanh(affine(model, "layers.6", hidden)), atol=1e-12)


def test_the_spiking_mlp_is_a_dsformer_without_token_mixing() -> None:
    """Restated with the DSFormer's own neurons and norms, whose equations are tested elsewhere."""
    model, given = model_of(ModelKind.spiking_mlp), tokens(1)
    assert isinstance(model, DSFormer)
    spikes: dict[str, Tensor] = {}
    with torch.no_grad():
        answers = model(*given, real(1), spikes)
        residual = model.encode(*given)[0].expand(4, -1, -1)
        for block in cast(list[MlpBlock], model.blocks):
            inputs = block.mlp_neuron(residual)
            hidden = block.mlp.hidden.neuron(block.mlp.hidden.norm(block.mlp.hidden.linear(inputs)))
            residual = residual + block.mlp.project.norm(block.mlp.project.linear(hidden))
        expected = torch.tanh(model.head(model.last_norm(residual).mean(0)))
    assert torch.equal(answers[0], expected)
    assert list(spikes) == [f"block{b}.mlp.{layer}" for b in range(2) for layer in ("input", "hidden")]


# --- What they see


@pytest.mark.parametrize("kind", ModelKind)
def test_a_later_token_changes_no_earlier_action(kind: ModelKind) -> None:
    model, before = model_of(kind), tokens(1)
    after = [torch.cat([part[:, :3], other[:, 3:]], dim=1) for part, other in zip(before, tokens(1, K, 1), strict=True)]
    with torch.no_grad():
        first, second = model(*before, real(1)), model(*after, real(1))
    assert torch.allclose(first[:, :3], second[:, :3], atol=1e-12)
    assert not torch.allclose(first[:, 3:], second[:, 3:], atol=1e-3)


@pytest.mark.parametrize("kind", ModelKind)
def test_no_action_has_a_gradient_from_a_later_token(kind: ModelKind) -> None:
    """Each action of a window by itself, in each of its inputs; its own token reaches it."""
    model, given = model_of(kind), tokens(2)
    for part in given:
        part.requires_grad_()
    answers = model(*given, real(2))
    for place in range(K):
        gradients = torch.autograd.grad(answers[:, place].sum(), given, retain_graph=True, materialize_grads=True)
        assert not any(gradient[:, place + 1 :].any() for gradient in gradients)
        assert gradients[0][:, place].any()


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_stream_is_its_window_recomputed(kind: ModelKind) -> None:
    """Over the whole episode, of three contexts: what falls out of FCNet's transform and what WKV still holds."""
    model, given = model_of(kind), tokens(2, 3 * K)
    assert isinstance(model, RecurrentPolicy)
    state, actions = model.start(2), []
    with torch.no_grad():
        window = model(*given, real(2, 3 * K))
        for token in torch.cat(given, dim=-1).unbind(1):
            action, state = model.step(token, state)
            actions.append(action)
    assert torch.allclose(torch.stack(actions, dim=1), window, atol=1e-12)


@pytest.mark.parametrize("kind", ModelKind)
def test_a_short_window_is_a_padded_one(kind: ModelKind) -> None:
    model, short = model_of(kind), tokens(2, K - 2)
    padded = [torch.cat([part.new_ones(2, 2, part.shape[-1]), part], dim=1) for part in short]
    mask = (torch.arange(K) >= 2).expand(2, -1)
    with torch.no_grad():
        expected = model(*padded, mask)
        assert torch.allclose(model(*short, real(2, K - 2)), expected[:, 2:], atol=1e-12)
    assert not expected[:, :2].any()


@pytest.mark.parametrize("kind", ModelKind)
def test_the_latest_tokens_seen_are_enough(kind: ModelKind) -> None:
    model, given = model_of(kind), tokens(1)
    steps, seen = torch.arange(K)[None], model.tokens_seen
    alone = kind in (ModelKind.mlp, ModelKind.spiking_mlp) or kind.learns_values
    assert seen == (1 if alone else 4 if kind is ModelKind.difference_mlp else K)
    with torch.no_grad():
        whole = model(*given, real(1), steps=steps)[:, -1]
        latest = model(*(part[:, -seen:] for part in given), real(1, seen), steps=steps[:, -seen:])[:, -1]
    assert torch.allclose(whole, latest, atol=1e-12)


@pytest.mark.parametrize("kind", [ModelKind.decision_transformer, ModelKind.decision_convformer])
def test_the_time_step_matters_and_the_history_counts_it(kind: ModelKind) -> None:
    model = model_of(kind)
    normalisation = Normalisation(np.zeros(OBSERVATIONS, np.float32), np.ones(OBSERVATIONS, np.float32), 1.0)
    history = TokenHistory(PolicyModel(model, normalisation, "", 0.0, {}), lanes=1)
    observations = np.random.default_rng(0).normal(size=(7, 1, OBSERVATIONS))
    actions = [history.act(observation, np.ones(1)) for observation in observations]
    assert history.tokens == K
    previous = np.concatenate([np.zeros((1, ACTIONS)), np.concatenate(actions)])
    window = [torch.from_numpy(part[None]) for part in (observations[2:, 0], previous[2:7], np.ones((K, 1)))]
    with torch.no_grad():
        late, early = (model(*window, real(1), steps=torch.arange(n, n + K)[None])[0, -1] for n in (2, 0))
    assert np.allclose(actions[-1][0], late.numpy(), atol=1e-6)
    assert not torch.allclose(late, early, atol=1e-3)


@pytest.mark.parametrize("kind", BASELINES)
def test_gradient_reaches_every_parameter(kind: ModelKind) -> None:
    model = model_of(kind).train()
    if isinstance(model, DSFormer):
        set_blend(model, 0.5)
    torch.autograd.backward(model(*tokens(16), real(16)).square().sum())
    without = {name for name, value in model.named_parameters() if value.grad is None or not value.grad.any()}
    unread = {f"blocks.1.filter.filters.{sort}.{part}" for sort in (0, 2) for part in ("weight", "bias")}
    assert without == (unread if kind is ModelKind.decision_convformer else set())  # of the last block states are read


# --- Counted work


def filter_macs(model: PolicyNetwork) -> int:
    """Operations of the ConvFormer's filters and of WKV: PyTorch counts matrix products alone."""
    dimensions = model.config
    channels = dimensions.blocks * K * dimensions.embedding_size
    match model:
        case DecisionConvFormer():
            return channels * ELEMENTS * dimensions.window
        case SpikeGpt():
            return channels * K
        case _:
            return 0


@pytest.mark.parametrize("kind", [kind for kind in WITHOUT_PROGRAM if kind is not ModelKind.spikebert])
def test_counted_macs_are_pytorchs(kind: ModelKind) -> None:
    model, given = model_of(kind).train(), tokens(1)
    with FlopCounterMode(display=False) as counter:
        model(*given, real(1))
    assert model.macs(K) == counter.get_total_flops() / 2 + filter_macs(model)


def test_a_run_counts_macs_and_no_spikes() -> None:
    model = model_of(ModelKind.decision_transformer).float()
    normalisation = Normalisation(np.zeros(OBSERVATIONS, np.float32), np.ones(OBSERVATIONS, np.float32), 1.0)
    policy = PolicyModel(model, normalisation, "", 0.0, {})
    tokens_of_a_run = made_up(policy, decisions=7, episode_length=7).episodes[0]
    backend = TorchBackend(policy)
    activities = [backend.decide(token).activity for token in tokens_of_a_run]
    assert [activity.host_macs for activity in activities] == [model.macs(min(n, K)) for n in range(1, 8)]
    assert not any(activity.spikes or activity.synops or activity.time_steps for activity in activities)


# --- The way through the tools


@pytest.mark.parametrize("kind", BASELINES)
def test_one_line_trains_saves_loads_and_runs(
    kind: ModelKind, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if kind.learns_values:
        pytest.importorskip("d3rlpy")
    result = train(training_config(tiny(kind, "steps=20", f"output={tmp_path}")))
    policy = load_model_file(result.model_file)
    assert policy.model.config.kind is kind
    assert policy.configuration["model"]["kind"] == kind.value
    records = [json.loads(line) for line in (result.model_file.parent / "metrics.jsonl").read_text().splitlines()]
    assert any(key.startswith("firing/") for record in records for key in record) == kind.spikes
    again = tmp_path / "again.pt"
    save_model_file(again, policy)
    written, expected = load_tensors(again)["weights"], policy.model.state_dict()
    assert written.keys() == expected.keys()
    assert all(torch.equal(written[name], expected[name]) for name in written)
    capsys.readouterr()
    run = ["--backend", "torch", f"policy={result.model_file}", f"out={tmp_path / 'run'}", "--json"]
    assert dsf_run(run) == 0
    activity = json.loads(capsys.readouterr().out)["activity"]
    assert activity["host_macs"] > 0
    assert (activity["spikes"] > 0) == kind.spikes


def test_a_run_without_spikes_can_be_read_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, normalisation = tmp_path / "model.pt", Normalisation(np.zeros(3, np.float32), np.ones(3, np.float32), 1.0)
    model = make_model(config(ModelKind.mlp), 3, 1)
    save_model_file(path, PolicyModel(model, normalisation, "pendulum", 0.0, {}))
    assert dsf_run(["--backend", "torch", f"policy={path}", f"out={tmp_path / 'run'}"]) == 0
    text = capsys.readouterr().out
    assert "no spiking layers" in text
    assert re.search(rf"host multiply-accumulates +{model.macs(1)}\.0 × 4\.6 pJ", text)


NODES = {
    ModelKind.spikegpt: "divides sums of exponentials in block0.attention",
    ModelKind.spikebert: "divides by a deviation over all channels in block0.attention.query.norm",
    ModelKind.fcnet: "computes with real numbers, not spikes, from block0.fourier on",
}


@pytest.mark.parametrize("kind", WITHOUT_PROGRAM)
def test_what_has_no_program_is_not_exported(
    kind: ModelKind, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    normalisation = Normalisation(np.zeros(OBSERVATIONS, np.float32), np.ones(OBSERVATIONS, np.float32), 1.0)
    path = tmp_path / "model.pt"
    save_model_file(path, PolicyModel(model_of(kind).float(), normalisation, "pendulum", 0.0, {}))
    assert dsf_export([str(path), "--target", "lava"]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert f"model.kind={kind.value} {NODES.get(kind, 'computes with real numbers, not spikes')}" in error[0]
    with pytest.raises(UserError, match="so it has no program"):
        train(training_config(["env=pendulum", "quantise=true", f"policy={path}", f"output={tmp_path}"]))


def test_the_spiking_mlp_exports() -> None:
    """Every stage of the export agrees, on a model whose layers all fire."""
    kind = replace(config(ModelKind.spiking_mlp), embedding_size=16)
    policy = random_policy(kind, 3, 1, seed=3, environment="pendulum")
    folded = fold(policy.model)
    assert len(folded.blocks) == 2
    candidate = from_policy(policy, {}, decisions=20)
    assert [row.stage for row in candidate.rows][:3] == ["model, window", "folded, window", "lowered, stream"]
    assert all(row.different == 0 for row in candidate.rows[:3])


@pytest.mark.parametrize(
    "kind",
    [ModelKind.decision_transformer, ModelKind.mlp, ModelKind.fcnet, ModelKind.spikegpt, ModelKind.spikebert],
)
def test_a_broken_off_run_resumes_to_the_same_weights(
    kind: ModelKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def configuration(folder: str) -> TrainConfig:
        return training_config(tiny(kind, "steps=30", f"output={tmp_path / folder}"))

    whole = train(configuration("whole")).model_file
    loss = trainer.action_loss
    calls = iter(range(1000))

    def breaking(model: PolicyNetwork, batch: Batch, spikes: dict[str, Tensor]) -> Tensor:
        if next(calls) == 15:
            raise KeyboardInterrupt
        return loss(model, batch, spikes)

    monkeypatch.setattr(trainer, "action_loss", breaking)
    with pytest.raises(KeyboardInterrupt):
        train(configuration("broken"))
    resumed = train(configuration("broken"), resume=True).model_file
    left, right = load_tensors(whole)["weights"], load_tensors(resumed)["weights"]
    assert all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.long
@pytest.mark.parametrize("kind", [ModelKind.fcnet, ModelKind.spikegpt, ModelKind.spikebert])
def test_two_hundred_steps_of_a_published_network(kind: ModelKind, tmp_path: Path) -> None:
    options = ("steps=200", "learning_rate=0.003", "batch_size=32", "log_every=10", f"output={tmp_path}")
    result = train(training_config(tiny(kind, *options)))
    records = [json.loads(line) for line in (result.model_file.parent / "metrics.jsonl").read_text().splitlines()]
    losses = [record["loss"] for record in records if "loss" in record]
    assert np.mean(losses[-5:]) < 0.8 * losses[0]


def test_published_settings_come_with_the_kind_and_give_way_to_the_command_line() -> None:
    chosen = training_config(["env=pendulum", "model.kind=decision-transformer"])
    published = ModelConfig(
        kind=ModelKind.decision_transformer, embedding_size=128, blocks=3, heads=1, context=20, dropout=0.1
    )
    assert chosen.model == published
    assert (chosen.learning_rate, chosen.schedule, chosen.batch_size) == (1e-4, Schedule.constant, 64)
    assert chosen.steps == training_config(["env=pendulum"]).steps
    changed = training_config(["env=pendulum", "model.kind=decision_transformer", "model.blocks=1"])
    assert changed.model == replace(published, blocks=1)
    assert training_config(["env=pendulum", "model.kind=decision-convformer"]).model.window == 6
    assert training_config(["env=pendulum", "model.kind=spiking-mlp"]).learning_rate == 3e-3


def test_kinds_are_their_classes_and_others_are_refused() -> None:
    kinds = [type(make_model(config(kind), OBSERVATIONS, ACTIONS)) for kind in ModelKind]
    assert kinds == [
        DSFormer,
        DecisionTransformer,
        DecisionConvFormer,
        MlpPolicy,
        DifferenceMlpPolicy,
        DSFormer,
        FourierController,
        SpikeGpt,
        SpikeBert,
        MlpPolicy,
        MlpPolicy,
        MlpPolicy,
    ]
    with pytest.raises(UserError, match="decision-transformer"):
        training_config(["env=pendulum", "model.kind=transformer"])


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (
            ["model.kind=fcnet", "model.heads=2"],
            "model.heads is no option of model.kind=fcnet, which takes model.embedding_size, model.blocks, "
            "model.context, model.modes, model.mlp_ratio and model.previous_action; leave it out.",
        ),
        (["model.kind=spikegpt", "model.window=4"], "model.window is no option of model.kind=spikegpt"),
        (["model.kind=mlp", "model.leak=0.5"], "model.leak is no option of model.kind=mlp"),
        (
            ["model.kind=cql", "model.window=4"],
            "model.window is no option of model.kind=cql, which takes model.embedding_size and model.blocks",
        ),
        (["model.kind=iql", "schedule=cosine"], "schedule means nothing to model.kind=iql, which takes learning_rate"),
        (["model.kind=cql", "whole_episodes=true"], "whole_episodes means nothing to model.kind=cql"),
        (["model.kind=mlp", "raised_returns=0.1"], "raised_returns means nothing to model.kind=mlp, which is told no"),
        (
            ["model.kind=decision-transformer", "norm_switch_fraction=0.2"],
            "norm_switch_fraction means nothing to model.kind=decision-transformer, which has no norm that is switched",
        ),
        (["evaluate_every=0", "evaluation_episodes=5"], "evaluation_episodes=5 means nothing with evaluate_every=0"),
        (["model.norm=tdbn", "norm_switch_fraction=0.2"], "means nothing to model.norm=tdbn, which does not switch"),
        (["model.surrogate=triangle", "model.surrogate_half_width=1"], "means nothing to model.surrogate=triangle"),
        (["model.mixing=delay", "model.heads=2"], "model.heads=2 means nothing to model.mixing=delay; leave it out."),
        (["model.mixing=sdsa1", "model.heads=2"], "model.heads=2 means nothing to model.mixing=sdsa1"),
        (["model.mixing=pssa", "model.heads=2"], "to model.mixing=pssa but with model.bias_sharing=head"),
        (["model.mixing=tssa", "model.position_bias=pairwise"], "means nothing to model.mixing=tssa"),
        (["model.mixing=sssa", "model.mixing_ratio=2"], "means nothing to model.mixing=sssa"),
        (["model.mixing=delay_matrix", "model.bias_sharing=head"], "means nothing to model.mixing=delay-matrix"),
        (["quantise=true", "delayed_reward=true"], "delayed_reward=true means nothing to quantise=true"),
        (["quantise=true", "input_clip=3"], "input_clip=3 means nothing to quantise=true"),
        (["model.modes=4"], "model.modes is no option of model.kind=dsformer"),
        (["model.kind=fcnet", "model.context=8", "model.modes=5"], "choose model.modes=4, or model.context=9"),
    ],
)
def test_options_that_mean_nothing_to_a_kind_are_refused_with_those_that_do(pairs: list[str], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        training_config(["env=pendulum", *pairs]).validate()


@pytest.mark.parametrize(
    "pairs",
    [
        ["model.mixing=delay", "model.heads=1"],  # the default
        ["model.mixing=tssa", "model.heads=2"],
        ["model.mixing=pssa", "model.bias_sharing=head", "model.heads=2"],
        ["model.mixing=pssa-delay-matrix", "model.mixing_ratio=2", "model.bias_sharing=channel"],
        ["model.norm=repbn", "norm_switch_fraction=0.2"],
        ["evaluate_every=100", "evaluation_episodes=5"],
    ],
)
def test_options_that_mean_something_are_taken(pairs: list[str]) -> None:
    training_config(["env=pendulum", *pairs]).validate()
