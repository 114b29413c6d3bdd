"""Models without a program in ONNX: the baselines token by token, spiking models over their window."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from dsf_common.errors import UserError
from dsf_export.command_export import main
from dsf_export.recording import StateSpread, made_up_tokens
from dsf_export.stages import run_model
from dsf_export.targets.onnx.network_model import FLOAT32, INT8, baseline_model
from dsf_export.targets.onnx.network_stages import run_windows, write_window
from dsf_export.targets.onnx.session import OnnxSession
from dsf_models import make_model
from dsf_models.checkpoint import Normalisation, PolicyModel, save_model_file
from dsf_models.configuration import BiasSharing, ModelConfig, ModelKind, PositionBias
from dsf_models.torch_backend import TorchBackend
from neuro_runtime.token import Token
from support.random_policies import random_policy
from support.small_policies import PSSA, made_up

Array = NDArray[np.float64]

CONTEXT = 8
BASELINES = [
    ModelKind.decision_transformer,
    ModelKind.decision_convformer,
    ModelKind.mlp,
    ModelKind.difference_mlp,
]
WINDOWED = replace(PSSA, heads=2, streaming=False)
PAIRWISE = {"position_bias": PositionBias.pairwise, "bias_sharing": BiasSharing.layer}


def baseline(kind: ModelKind, settings: Mapping[str, int] = MappingProxyType({}), environment: str = "") -> PolicyModel:
    """Random weights, all of which matter."""
    config = ModelConfig(kind=kind, embedding_size=16, blocks=2, heads=2, context=CONTEXT, window=5, episode_steps=6)
    torch.manual_seed(0)
    observations, actions = (3, 1) if environment else (5, 3)
    model = make_model(replace(config, **settings), observations, actions)  # type: ignore[arg-type]
    for name, parameter in model.named_parameters():
        if "norm" not in name:
            nn.init.normal_(parameter, std=0.3)
    random = np.random.default_rng(0)
    mean, std = random.normal(size=observations).astype("f"), random.uniform(0.5, 2, observations).astype("f")
    return PolicyModel(model.eval(), Normalisation(mean, std, 1000.0, input_clip=2.0), environment, -200.0, {})


def decisions(policy: PolicyModel, backend: TorchBackend, count: int) -> Iterator[tuple[Token, Array]]:
    """An episode of made-up tokens, each with the model's action, which the next one tells."""
    spread = StateSpread(policy.normalisation.state_mean, policy.normalisation.state_std)
    (episode,) = made_up_tokens(backend, spread, count, "a test").episodes
    backend.reset()
    previous = np.zeros(policy.model.action_size)
    for token in episode:
        token = replace(token, previous_action=previous)
        previous = backend.decide(token).action
        yield token, previous


@pytest.mark.parametrize("kind", BASELINES, ids=lambda kind: kind.value)
def test_a_baseline_answers_as_its_window_does(kind: ModelKind) -> None:
    """Beyond the context too, but for the cache, which then is another function."""
    policy = baseline(kind)
    backend = TorchBackend(policy)
    float32, int8 = (OnnxSession(baseline_model(policy, precision, {})) for precision in (FLOAT32, INT8))
    length = CONTEXT if kind is ModelKind.decision_transformer else 2 * CONTEXT
    rounded = []
    for _ in range(2):
        float32.reset()
        int8.reset()
        for token, action in decisions(policy, backend, length):
            np.testing.assert_allclose(float32.act(token), action, atol=1e-5)
            rounded.append(np.abs(int8.act(token) - action).max())
    assert 1e-4 < np.mean(rounded) < 0.1


@pytest.mark.parametrize("settings", [{"window": 1}, {"window": CONTEXT}, {"previous_action": False}], ids=str)
@pytest.mark.parametrize("kind", BASELINES, ids=lambda kind: kind.value)
def test_the_ends_of_every_dimension(kind: ModelKind, settings: dict[str, int]) -> None:
    policy = baseline(kind, settings)
    backend, session = TorchBackend(policy), OnnxSession(baseline_model(policy, FLOAT32, {}))
    for token, action in decisions(policy, backend, 4):
        np.testing.assert_allclose(session.act(token), action, atol=1e-5)


@pytest.mark.parametrize(
    "kind", [kind for kind in BASELINES if kind is not ModelKind.decision_convformer], ids=lambda kind: kind.value
)
def test_a_context_of_one_token(kind: ModelKind) -> None:
    policy = baseline(kind, {"context": 1})
    backend, session = TorchBackend(policy), OnnxSession(baseline_model(policy, FLOAT32, {}))
    for token, action in decisions(policy, backend, 1):
        np.testing.assert_allclose(session.act(token), action, atol=1e-5)


def test_filters_that_see_more_than_the_context_are_refused() -> None:
    with pytest.raises(UserError, match="would answer otherwise than its window"):
        baseline_model(baseline(ModelKind.decision_convformer, {"context": 2}), FLOAT32, {})


@pytest.mark.parametrize(
    "settings",
    [
        {"mixing": "sssa"},
        {"mixing": "tssa", "window": 2, "score_limit": 2, "heads": 2},
        {"mixing": "sdsa1", "window": 2},
        {"mixing": "sdsa1", "window": 6},
        {"mixing": "sdsa3"},
        PAIRWISE,
        {"context": 4},
        {"mixing": "delay", "context": 4},
        {"mixing": "pssa-delay-matrix", "levels": 2, **PAIRWISE},
    ],
    ids=str,
)
def test_a_window_in_float32_is_the_models(settings: dict[str, object], tmp_path: Path) -> None:
    policy = random_policy(replace(WINDOWED, **settings), 5, 3, seed=3)  # type: ignore[arg-type]
    recording = made_up(policy, decisions=14)
    model = run_model(policy, recording, lambda: None)
    write_window(policy, {}, tmp_path / "policy.onnx")
    run = run_windows(tmp_path / "policy.onnx", policy, recording, list(model.spikes[0]), lambda: None)
    np.testing.assert_allclose(run.actions, model.actions, atol=1e-5)
    fired = 0
    for ours, wanted in zip(run.spikes, model.spikes, strict=True):
        for name, layer in wanted.items():
            np.testing.assert_array_equal(ours[name], layer)
            fired += int(layer.sum())
    assert fired > 1000


def test_membranes_that_carry_over_are_refused(tmp_path: Path) -> None:
    policy = random_policy(replace(WINDOWED, mixing="delay-matrix", carry_membranes=True), 5, 3)
    with pytest.raises(UserError, match="membranes that carry over"):
        write_window(policy, {}, tmp_path / "policy.onnx")


def test_a_baseline_is_exported_with_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_model_file(tmp_path / "model.pt", baseline(ModelKind.decision_transformer, environment="pendulum"))
    assert main([str(tmp_path / "model.pt"), "--target", "onnx", "--decisions", "20", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["files"] == [str(tmp_path / name) for name in ("policy.onnx", "policy-int8.onnx")]
    assert [row["verdict"] for row in document["parity"]["rows"]] == ["reference", "equal", "quantised"]
    about = {entry.key: entry.value for entry in onnx.load_model(tmp_path / "policy-int8.onnx").metadata_props}
    assert about["decision_spikeformer.form"] == "decision-transformer, int8, one token a call"
    assert json.loads(about["decision_spikeformer.normalisation"])["input_clip"] == 2.0
    states = {item.name for item in onnx.load_model(tmp_path / "policy.onnx").graph.input}
    assert {"step", "past.block0.key", "past.block1.value"} < states


def test_a_windowed_policy_is_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairwise = replace(WINDOWED, position_bias=PositionBias.pairwise)
    save_model_file(tmp_path / "model.pt", random_policy(pairwise, 3, 1, 1, "pendulum"))
    assert main([str(tmp_path / "model.pt"), "--target", "onnx", "--decisions", "6"]) == 0
    out = capsys.readouterr().out
    assert "dsformer, which has no program" in out
    assert out.endswith(f"wrote {tmp_path / 'policy.onnx'}\n")
    assert not (tmp_path / "policy-int8.onnx").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--bits", "4"], "--bits, --exponents, --chip, --resets and --passes do not apply"),
        (["--passes", "all"], "--passes do not apply"),
        (["--for", "norse"], "--for names a reader of NIR files, and the target is onnx"),
        (["--output", "policy.pt"], "must end in .onnx"),
        (["--decisions", "0"], "--decisions must be at least 1"),
    ],
)
def test_a_wrong_call_is_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model_file(tmp_path / "model.pt", baseline(ModelKind.mlp, environment="pendulum"))
    assert main([str(tmp_path / "model.pt"), "--target", "onnx", *arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]
