"""Fine-tuning through Loihi's weights: the float network but for its rounding, and a run like any other."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dsf_common.errors import UserError
from dsf_export.fold import fold
from dsf_export.group_synapses import GroupSynapses, round_synapses
from dsf_export.rounded_model import QuantisedDSFormer
from dsf_export.torch_backend import open_backend
from dsf_models import PolicyNetwork
from dsf_models.checkpoint import PolicyModel, load_model_file, load_tensors, save_model_file
from dsf_models.configuration import BiasSharing, ModelConfig, ModelKind, Norm, Surrogate
from dsf_models.quantisation import Quantisation, Scales
from dsf_models.torch_backend import TorchBackend
from dsf_train.command_train import main
from dsf_train.configuration import TrainConfig
from dsf_train.evaluation import Scores, evaluate
from dsf_train.qat.gain import gain_table, measure_gains
from dsf_train.qat.scales import choose_quantisation
from dsf_train.run_options import training_config
from dsf_train.sampling import Batch
from dsf_train.trainer import TrainingResult, train
from neuro_runtime.environments import load_environment_spec
from neuro_runtime.policy_files import find_policy
from neuro_runtime.program.chip import Chip
from neuro_runtime.program.weight_format import WeightFormat
from support.random_policies import random_policy
from tests.dsf_train.tiny_run import SHORT, assert_same_weights, kill_at_its_first_checkpoint, short_run

OBSERVATIONS, ACTIONS, BATCH, CONTEXT = 5, 3, 6, 5
TWO_BLOCKS = ModelConfig(embedding_size=8, blocks=2, context=CONTEXT, window=3, mlp_ratio=2)
BY_CHANNEL = replace(TWO_BLOCKS, embedding_size=16, blocks=1, window=4, bias_sharing=BiasSharing.channel)
FREE = replace(BY_CHANNEL, surrogate=Surrogate.rectangle)  # by the published one, sums of spikes have no gradient
DELAY_MATRIX = replace(TWO_BLOCKS, mixing="delay-matrix")
MODELS = {
    "pssa": TWO_BLOCKS,
    "pssa, a weight a channel": BY_CHANNEL,
    "tssa": replace(FREE, mixing="tssa", heads=2, score_limit=5),
    "sssa": replace(FREE, mixing="sssa", heads=2),
    "sdsa1": replace(FREE, mixing="sdsa1"),
    "delay": replace(TWO_BLOCKS, mixing="delay"),
    "delay-matrix": DELAY_MATRIX,
    "delay-matrix, wide": replace(DELAY_MATRIX, mixing_ratio=2),
    "delay-matrix, low rank": replace(DELAY_MATRIX, mixing_rank=3),
    "delay-matrix, levels": replace(DELAY_MATRIX, levels=2),
    "pssa-delay-matrix": replace(BY_CHANNEL, mixing="pssa-delay-matrix"),
    "delay, repbn": replace(TWO_BLOCKS, blocks=1, mixing="delay", norm=Norm.repbn),
    "spiking mlp": ModelConfig(kind=ModelKind.spiking_mlp, embedding_size=8, blocks=2, context=CONTEXT, mlp_ratio=2),
}
EACH_MODEL = pytest.mark.parametrize("name", MODELS)
QUANTISE = (
    "quantise=true",
    "quantise_bits=2",
    "quantise_exponents=1",
    *(pair for pair in SHORT if not pair.startswith(("model.", "final_episodes"))),
    "final_episodes=1",
)


@cache
def policy_named(name: str) -> PolicyModel:
    return random_policy(MODELS[name], OBSERVATIONS, ACTIONS, seed=3)


def any_quantisation(model: PolicyNetwork, weight_format: WeightFormat) -> Quantisation:
    """The same scale for all groups, where it does not matter which."""
    return Quantisation(weight_format, Scales(dict.fromkeys(fold(model).synapses(), 1000), injected=1000))


def batch() -> Batch:
    """Windows of which some are padded on the left."""
    random = torch.Generator().manual_seed(4)
    mask = torch.ones(BATCH, CONTEXT, dtype=torch.bool)
    mask[0, :2] = mask[1, :4] = False
    tokens = [torch.randn(BATCH, CONTEXT, width, generator=random) for width in (OBSERVATIONS, ACTIONS, 1, ACTIONS)]
    steps = mask.cumsum(dim=1) - 1
    return Batch(tokens[0], tokens[1], tokens[2], tokens[3].tanh(), mask, steps.clamp(min=0))


def answer(model: PolicyNetwork) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """Actions, spikes and the gradient of a loss, by parameter."""
    spikes: dict[str, Tensor] = {}
    some, kind = batch(), model.get_parameter("head.weight").dtype
    inputs = [tensor.to(kind) for tensor in (some.states, some.previous_actions, some.returns_to_go)]
    actions = model(*inputs, some.mask, spikes)
    loss = ((actions - some.actions.to(kind)).square() * some.mask[..., None]).sum()
    named = {name: item for name, item in model.named_parameters() if "layer_norm" not in name}
    gradients = torch.autograd.grad(loss, list(named.values()))
    return actions, spikes, dict(zip(named, gradients, strict=True))


@EACH_MODEL
def test_without_rounding_it_is_the_float_model_in_evaluation(name: str) -> None:
    """Actions, every spike and every gradient, in float64: so what differs in training is the rounding alone."""
    start = copy.deepcopy(policy_named(name).model).double()
    actions, spikes, gradients = answer(start)
    mine = QuantisedDSFormer.of(start, None).train()
    my_actions, my_spikes, my_gradients = answer(mine)
    torch.testing.assert_close(my_actions, actions, rtol=1e-9, atol=1e-12)
    assert my_spikes.keys() == spikes.keys()
    assert all(torch.equal(my_spikes[name], layer) for name, layer in spikes.items())
    assert min(layer.detach().mean().item() for layer in spikes.values()) > 0.002
    for parameter, gradient in gradients.items():
        torch.testing.assert_close(my_gradients[parameter], gradient, rtol=1e-7, atol=1e-10, msg=parameter)


@EACH_MODEL
def test_at_grid_points_the_gradient_is_the_real_weights(name: str) -> None:
    """Weights that are on the grid stay what they are, and rounding them passes the gradient on as it is."""
    weight_format = WeightFormat(4, exponents=2)
    for group, real in fold(policy_named(name).model).synapses().items():
        on_grid = round_synapses(real, 1000, weight_format)
        weights = tuple(weight.detach().requires_grad_() for weight in on_grid.weights)
        rounded = round_synapses(GroupSynapses(weights), 1000, weight_format)
        for weight, again in zip(weights, rounded.weights, strict=True):
            torch.testing.assert_close(again, weight, rtol=1e-12, atol=0, msg=group)
            (gradient,) = torch.autograd.grad(again.pow(3).sum(), weight)
            torch.testing.assert_close(gradient, 3 * weight.detach() ** 2, rtol=1e-9, atol=0, msg=group)


@EACH_MODEL
def test_every_parameter_but_the_frozen_statistics_learns_through_the_rounding(name: str) -> None:
    start = policy_named(name).model
    model = QuantisedDSFormer.of(start, any_quantisation(start, WeightFormat(3, exponents=1))).train()
    before = {buffer: value.clone() for buffer, value in model.named_buffers()}
    _, _, gradients = answer(model)
    assert not [parameter for parameter, gradient in gradients.items() if not gradient.any()]
    assert all(torch.equal(value, before[buffer]) for buffer, value in model.named_buffers())


@EACH_MODEL
def test_scales_leave_room_for_weights_to_grow(name: str) -> None:
    start = policy_named(name).model
    quantisation = choose_quantisation(start, batch(), WeightFormat(2))
    scales = quantisation.scales
    assert scales.of.keys() == fold(start).synapses().keys()
    readers = [scale for name, scale in scales.of.items() if name.endswith(".input")]
    assert {scale / scales.injected for scale in readers} <= {2.0**power for power in range(12)}
    with torch.no_grad():
        synapses = QuantisedDSFormer.of(start, quantisation).synapses()
    for group, into in synapses.items():
        if into.weights:
            largest = max(float(weight.clamp(min=0).sum(1).max()) for weight in into.weights)
            assert largest * scales.of[group] * 2**6 * 2 < 2**23


def test_decisions_see_every_change_of_the_weights() -> None:
    """Tensors kept between decisions without gradients are never older than a parameter."""
    start = policy_named("delay").model
    model = QuantisedDSFormer.of(start, any_quantisation(start, WeightFormat(4, chip=Chip.lava)))
    with torch.no_grad():
        once, again = model.synapses(), model.synapses()
        assert once is again
        model.head.weight.mul_(2.0)
        assert torch.equal(model.synapses()["action"].weights[0], 2 * once["action"].weights[0])
        model.load_state_dict(start.state_dict())
        assert torch.equal(model.synapses()["action"].weights[0], once["action"].weights[0])


def test_scales_are_better_than_most() -> None:
    """The chosen scales lose fewer spikes of the whole network than the median of others of the same octaves."""
    start = policy_named("pssa").model
    chosen = choose_quantisation(start, batch(), WeightFormat(3, exponents=1))
    wanted = answer(start)[1]

    def wrong(factor: float) -> int:
        scales = {
            name: scale if name.endswith(("attention.input", "mlp.input")) else int(scale * factor)
            for name, scale in chosen.scales.of.items()
        }
        spikes = answer(QuantisedDSFormer.of(start, replace(chosen, scales=replace(chosen.scales, of=scales))))[1]
        return sum(int((spikes[name] != layer).sum()) for name, layer in wanted.items())

    others = sorted(wrong(factor) for factor in (0.55, 0.62, 0.7, 0.78, 0.85, 0.93))
    assert wrong(1.0) <= others[len(others) // 2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny policy to go on with."""
    return train(short_run(tmp_path_factory.mktemp("trained"))).model_file


def quantising(trained: Path, folder: Path, *overrides: str) -> list[str]:
    return [*QUANTISE, f"policy={trained}", f"output={folder}", *overrides]


@dataclass(frozen=True)
class Finished:
    """A run, and the policy that it went on with."""

    policy: Path
    start: PolicyModel
    config: TrainConfig
    result: TrainingResult


@pytest.fixture(scope="module")
def finished(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A fine-tuning of a policy that nobody else goes on with."""
    folder = tmp_path_factory.mktemp("quantised")
    own = folder / "own.pt"
    own.write_bytes(trained.read_bytes())
    config = training_config(quantising(own, folder, "learning_rate=0.001"))
    return Finished(own, load_model_file(own), config, train(config))


def test_a_run_goes_on_with_the_policy(finished: Finished) -> None:
    start, tuned = finished.start, load_model_file(finished.result.model_file)
    assert finished.result.model_file.parent == finished.policy.parent / "pendulum" / "quantised"
    assert tuned.quantisation is not None
    assert tuned.quantisation.weight_format == WeightFormat(2, exponents=1)
    assert tuned.model.config == start.model.config
    assert (tuned.normalisation.state_mean == start.normalisation.state_mean).all()
    statistics = [(name, buffer) for name, buffer in tuned.model.named_buffers() if "running" in name]
    assert all(torch.equal(buffer, start.model.get_buffer(name)) for name, buffer in statistics)
    assert not torch.equal(tuned.model.get_parameter("head.weight"), start.model.get_parameter("head.weight"))


def test_a_run_says_what_it_gained(finished: Finished) -> None:
    gains = finished.result.gains
    assert [gain.tuned.return_target for gain in gains] == [-150, -250]
    for gain in gains:
        assert (gain.difference.scores == gain.tuned.scores - gain.rounded.scores).all()
        assert 0 < gain.rounded_spikes < 1
        assert re.search(r"gained, paired +-?\d+\.\d$", gain_table(gain))  # no error of a single episode
    records = [json.loads(line) for line in (finished.result.model_file.parent / "metrics.jsonl").open()]
    (written,) = [record for record in records if "gain/-150/rounded/mean" in record]
    assert written["gain/-150/tuned/mean"] == gains[0].tuned.mean
    assert written["gain/-150/difference/mean"] == gains[0].difference.mean


def test_a_run_is_not_resumed_on_another_policy(finished: Finished) -> None:
    other = load_model_file(finished.policy)
    with torch.no_grad():
        other.model.get_parameter("head.weight").mul_(3.0)
    save_model_file(finished.policy, other)
    with pytest.raises(UserError, match="that policy is another"):
        train(finished.config, resume=True)


def test_the_gain_of_no_training_is_zero_and_the_float_score_is_the_policys() -> None:
    """An oracle for the report: the three scores of a shipped policy that was not trained further."""
    start = load_model_file(find_policy("pendulum").need_model())
    some = batch()
    some = replace(some, states=some.states[..., :3], previous_actions=some.previous_actions[..., :1])
    quantisation = choose_quantisation(start.model, some, WeightFormat(2, exponents=1))
    tuned = replace(start, model=QuantisedDSFormer.of(start.model, quantisation), quantisation=quantisation)
    (gain,) = list(measure_gains(start, tuned, [_scores_of(tuned)], some))
    assert not gain.difference.scores.any()
    assert gain.rounded_spikes == gain.tuned_spikes < 1
    assert (gain.unrounded.scores == _scores_of(start).scores).all()
    assert (gain.unrounded.scores != gain.rounded.scores).any()


def _scores_of(some: PolicyModel) -> Scores:
    return evaluate(some, load_environment_spec("pendulum"), -150.0, episodes=2)


@pytest.mark.long
def test_killed_run_resumes_to_the_weights_of_an_unbroken_one(trained: Path, tmp_path: Path) -> None:
    longer = [pair for pair in quantising(trained, tmp_path / "killed") if not pair.startswith(("steps", "checkp"))]
    overrides = [*longer, "steps=150", "checkpoint_every=20"]
    checkpoint = tmp_path / "killed" / "pendulum" / "quantised" / "checkpoint.pt"
    kill_at_its_first_checkpoint(overrides, checkpoint)
    assert 0 < load_tensors(checkpoint)["step"] < 150
    resumed = train(training_config(overrides), resume=True)
    unbroken = train(training_config([*overrides, f"output={tmp_path / 'unbroken'}"]))
    assert_same_weights(unbroken.model_file, resumed.model_file)
    assert load_model_file(unbroken.model_file).quantisation == load_model_file(resumed.model_file).quantisation
    assert [gain.rounded.mean for gain in resumed.gains] == [gain.rounded.mean for gain in unbroken.gains]


def test_the_torch_backend_runs_what_was_trained(trained: Path, tmp_path: Path) -> None:
    start = load_model_file(trained)
    quantisation = any_quantisation(start.model, WeightFormat(2, exponents=1))
    path = tmp_path / "model.pt"
    save_model_file(path, replace(start, quantisation=quantisation))
    backend = open_backend(find_policy(path))
    assert isinstance(backend, TorchBackend)
    model = backend._policy.model
    assert isinstance(model, QuantisedDSFormer)
    assert model.quantisation == quantisation


def test_a_quantisation_of_format_1_calls_its_scales_units() -> None:
    plain = {"bits": 3, "exponents": 1, "units": {"action": 5}, "injected": 5}
    quantisation = Quantisation.from_plain(plain)
    assert quantisation == Quantisation(WeightFormat(3, 1, Chip.lava), Scales({"action": 5}, injected=5))
    assert Quantisation.from_plain(quantisation.plain()) == quantisation


@pytest.mark.parametrize("spoilt", [{"scales": {"action": 0}}, {"bits": 1}, {"scales": None}, {"injected": "many"}])
def test_a_damaged_quantisation_is_one_sentence(trained: Path, tmp_path: Path, spoilt: dict[str, object]) -> None:
    path = tmp_path / "model.pt"
    whole = {"bits": 3, "exponents": 1, "scales": {"action": 5}, "injected": 5}
    torch.save({**load_tensors(trained), "quantisation": {**whole, **spoilt}}, path)
    with pytest.raises(UserError, match=r"model\.pt is damaged"):
        load_model_file(path)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["env=hopper-m", "quantise=true"], "no policy ships for hopper-m"),
        (["env=pendulum", "quantise=true", "policy=absent.pt"], "absent.pt"),
        (["env=pendulum", "quantise=true", "quantise_bits=1"], "quantise_bits=1 must be from 2 to 8"),
        (["env=pendulum", "quantise=true", "quantise_bits=9"], "quantise_bits=9 must be from 2 to 8"),
        (["env=pendulum", "quantise=true", "quantise_exponents=0"], "quantise_exponents=0 must be from 1 to 8"),
        (["env=pendulum", "quantise=true", "model.blocks=3"], "leave out model.blocks=3"),
        (["env=pendulum", "quantise_bits=4"], "add quantise=true"),
        (["env=pendulum", "policy=pendulum"], "add quantise=true"),
        (["env=pendulum", "quantise=true", "policy=pendulum-hidden"], "was trained for pendulum-hidden"),
        (["env=pendulum", "quantise=true", "policy=tdln.pt"], "tdLN"),
        (["env=pendulum", "quantise=true", "policy=own/pendulum/mine", "output=own", "name=mine"], "another name="),
    ],
)
def test_bad_calls_get_one_sentence_and_status_2(
    overrides: list[str], message: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tdln = ModelConfig(embedding_size=8, blocks=1, context=8, norm=Norm.tdln)
    save_model_file(Path("tdln.pt"), random_policy(tdln, 3, 1, environment="pendulum"))
    Path("own/pendulum/mine").mkdir(parents=True)
    Path("own/pendulum/mine/model.pt").write_bytes(trained.read_bytes())
    before = set(tmp_path.rglob("*"))
    assert main([f"output={tmp_path}", *overrides]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("dsf-train: error: ")
    assert message in error
    assert set(tmp_path.rglob("*")) == before
