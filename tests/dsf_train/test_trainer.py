"""The trainer: learning, resuming to the same weights, and refusing what it cannot do."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from dsf_common.errors import UserError
from dsf_models.checkpoint import load_model_file, load_tensors
from dsf_train.command_train import main
from dsf_train.configuration import TrainConfig
from dsf_train.datasets import Episode
from dsf_train.datasets.best import best_episodes
from dsf_train.datasets.columns import returns_to_go
from dsf_train.run_options import training_config
from dsf_train.sampling import TokenWindows, normalisation_of
from dsf_train.schedule import norm_blend, set_learning_rate
from dsf_train.trainer import train
from support.small_datasets import columns_of
from tests.dsf_train.tiny_run import SHORT, assert_same_weights, kill_at_its_first_checkpoint, short_run, weights


def test_run_folder_holds_model_configuration_metrics_and_events(tmp_path: Path) -> None:
    result = train(short_run(tmp_path))
    folder = tmp_path / "pendulum" / "default"
    assert result.model_file == folder / "model.pt"
    assert (folder / "config.yaml").read_text().startswith("env: pendulum")
    assert list((folder / "events").iterdir())
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    losses = {record["step"]: record["loss"] for record in records if "loss" in record}
    assert sorted(losses) == [10, 20, 30, 40]
    assert any("firing/block0.attention.output" in record for record in records)
    policy = load_model_file(result.model_file)
    assert policy.environment == "pendulum"
    assert policy.configuration["steps"] == 40


def test_seed_fixes_everything(tmp_path: Path) -> None:
    first = train(short_run(tmp_path, "name=first")).model_file
    second = train(short_run(tmp_path, "name=second")).model_file
    other = train(short_run(tmp_path, "name=other", "seed=1")).model_file
    assert_same_weights(first, second)
    assert not torch.equal(weights(first)["head.weight"], weights(other)["head.weight"])


def test_killed_run_resumes_to_the_weights_of_an_unbroken_one(tmp_path: Path) -> None:
    longer = ["steps=400", "checkpoint_every=20", *SHORT]
    overrides = [pair for pair in longer if pair not in ("steps=40", "checkpoint_every=10")]
    unbroken = training_config([*overrides, f"output={tmp_path / 'unbroken'}"])
    checkpoint = tmp_path / "killed" / "pendulum" / "default" / "checkpoint.pt"
    command = kill_at_its_first_checkpoint([*overrides, f"output={tmp_path / 'killed'}"], checkpoint)
    stopped_at = load_tensors(checkpoint)["step"]
    assert 0 < stopped_at < 400
    assert not (checkpoint.parent / "model.pt").exists()
    assert subprocess.run([*command, "--resume"], capture_output=True, check=False).returncode == 0
    assert_same_weights(train(unbroken).model_file, checkpoint.parent / "model.pt")
    lines = (checkpoint.parent / "metrics.jsonl").read_text().splitlines()
    steps = [record["step"] for record in map(json.loads, lines) if "loss" in record]
    assert steps == list(range(10, 401, 10))


def test_the_processor_is_given_back_as_it_was(tmp_path: Path) -> None:
    """Training counts tiny numbers as 0; whoever called it does not, also where it ended badly."""
    smallest = torch.tensor(1e-310, dtype=torch.float64)
    train(short_run(tmp_path, "steps=2", "final_episodes=1"))
    assert smallest * 2 > 0
    with pytest.raises(UserError):
        train(short_run(tmp_path))
    assert smallest * 2 > 0


def test_a_run_in_the_way_is_never_lost(tmp_path: Path) -> None:
    config = short_run(tmp_path)
    train(config)
    with pytest.raises(UserError, match=r"--resume.*--overwrite"):
        train(config)
    with pytest.raises(UserError, match="other values of seed"):
        train(short_run(tmp_path, "seed=3"), resume=True)
    train(config, overwrite=True)


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run to resume"):
        train(short_run(tmp_path), resume=True)


def test_learning_rate_warms_up_and_falls_to_zero() -> None:
    config = TrainConfig(env="pendulum", steps=100, learning_rate=1.0, warmup_fraction=0.1)
    optimiser = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])

    def rate(step: int) -> float:
        set_learning_rate(optimiser, config, step)
        return float(optimiser.param_groups[0]["lr"])

    assert rate(0) == pytest.approx(0.1)
    assert rate(9) == rate(10) == pytest.approx(1.0)
    assert rate(55) == pytest.approx(0.5)
    assert rate(99) < 1e-3


def test_norm_blend_reaches_zero_after_its_share_of_the_steps() -> None:
    config = TrainConfig(env="pendulum", steps=100, norm_switch_fraction=0.1)
    assert [norm_blend(config, step) for step in (0, 5, 10, 99)] == [1.0, 0.5, 0.0, 0.0]


def episode(length: int, offset: float) -> Episode:
    steps = np.arange(length, dtype=np.float32)[:, None] + offset
    return Episode(np.repeat(steps, 3, axis=1), np.repeat(-steps, 2, axis=1), steps[:, 0])


def test_windows_stay_within_their_episode_and_pad_on_the_left(tmp_path: Path) -> None:
    dataset = columns_of([episode(5, 100.0), episode(7, 200.0)], tmp_path / "data")
    normalisation = normalisation_of(dataset, return_scale=10.0)
    windows = TokenWindows(dataset, normalisation, context=4)
    assert len(windows) == 12
    batch = windows.windows(np.array([1, 5, 11]))
    assert batch.mask.tolist() == [[False, False, True, True], [False, False, False, True], [True] * 4]
    assert batch.actions[0, :, 0].tolist() == [0, 0, -100, -101]
    assert batch.previous_actions[0, :, 0].tolist() == [0, 0, 0, -100]
    assert batch.previous_actions[1, -1, 0] == 0  # an episode's first step has no previous action
    assert batch.returns_to_go[2, :, 0].tolist() == pytest.approx([81.8, 61.5, 41.1, 20.6])
    states = batch.states[2] * normalisation.state_std + normalisation.state_mean
    assert states[:, 0].tolist() == pytest.approx([203, 204, 205, 206])


def test_batches_depend_on_seed_and_step_alone(tmp_path: Path) -> None:
    dataset = columns_of([episode(50, 0.0)], tmp_path / "data")
    windows = TokenWindows(dataset, normalisation_of(dataset, 1.0), context=4)
    assert torch.equal(windows.batch(0, 7, 5).states, windows.batch(0, 7, 5).states)
    assert not torch.equal(windows.batch(0, 7, 5).states, windows.batch(0, 8, 5).states)
    assert not torch.equal(windows.batch(0, 7, 5).states, windows.batch(1, 7, 5).states)


def test_raised_returns_raise_a_windows_returns_together_and_nothing_else(tmp_path: Path) -> None:
    dataset = columns_of([episode(50, 0.0)], tmp_path / "data")
    windows = TokenWindows(dataset, normalisation_of(dataset, 1.0), context=4)
    plain, raised = windows.batch(0, 7, 400), windows.batch(0, 7, 400, raised_returns=2.0)
    assert not plain.mask.all()
    others = vars(plain).keys() - {"returns_to_go"}
    assert all(torch.equal(getattr(plain, name), getattr(raised, name)) for name in others)
    moved = (raised.returns_to_go - plain.returns_to_go)[..., 0]
    assert not moved[~plain.mask].any()
    by = moved[:, -1]  # the last token is always real
    assert torch.allclose(moved, by[:, None] * plain.mask, atol=1e-3)
    assert by.min() >= 0
    assert by.square().mean().sqrt().item() == pytest.approx(2.0, rel=0.15)
    assert torch.equal(raised.returns_to_go, windows.batch(0, 7, 400, raised_returns=2.0).returns_to_go)


def test_windows_of_the_best_episodes_end_at_each_of_their_steps_and_at_no_other(tmp_path: Path) -> None:
    """The episodes of returns 1206 and 615 hold 10 of 18 steps; the best alone holds 4."""
    episodes = [episode(5, 0.0), episode(4, 300.0), episode(6, 100.0), episode(3, 200.0)]
    dataset = columns_of(episodes, tmp_path / "data")
    assert [best_episodes(dataset, share).tolist() for share in (0.01, 4 / 18, 0.5, 10 / 18, 1.0)] == [
        [1],
        [1],
        [1, 2],
        [1, 2],
        [0, 1, 2, 3],
    ]
    windows = TokenWindows(dataset, normalisation_of(dataset, 1.0), context=3, best_share=0.5)
    assert len(windows) == 10
    ends = windows.batch(0, 7, 500).actions[:, -1, 0].numpy()
    assert np.unique(-ends).tolist() == [*range(100, 106), *range(300, 304)]


def test_all_of_a_dataset_is_its_best_share_of_one(tmp_path: Path) -> None:
    dataset = columns_of([episode(9, 0.0), episode(4, 300.0)], tmp_path / "data")
    windows = TokenWindows(dataset, normalisation_of(dataset, 1.0), context=2)
    steps = np.random.default_rng([0, 7]).integers(13, size=50)
    assert torch.equal(windows.batch(0, 7, 50).actions, windows.windows(steps).actions)


def test_training_on_the_best_episodes_learns_other_weights(tmp_path: Path) -> None:
    every, best = train(short_run(tmp_path)), train(short_run(tmp_path, "name=best", "best_share=0.2"))
    assert not torch.equal(weights(every.model_file)["head.weight"], weights(best.model_file)["head.weight"])
    assert load_model_file(best.model_file).configuration["best_share"] == 0.2


def test_whole_episodes_end_their_windows_and_are_equally_likely(tmp_path: Path) -> None:
    episodes = [episode(5, 0.0), episode(4, 300.0), episode(6, 100.0), episode(3, 200.0)]
    dataset = columns_of(episodes, tmp_path / "data")
    windows = TokenWindows(dataset, normalisation_of(dataset, 1.0), context=7, whole_episodes=True)
    assert len(windows) == 4
    batch = windows.batch(0, 7, 2000)
    assert sorted(set(batch.mask.sum(dim=1).tolist())) == [3, 4, 5, 6]
    assert batch.steps[:, -1].tolist() == (batch.mask.sum(dim=1) - 1).tolist()  # from an episode's first step on
    ends, counts = np.unique(-batch.actions[:, -1, 0].numpy(), return_counts=True)
    assert ends.tolist() == [4, 105, 202, 303]
    assert np.all(np.abs(counts - 500) < 80)


def test_whole_episodes_are_the_best_ones_and_only_these_have_to_fit(tmp_path: Path) -> None:
    """The best three hold 13 of 18 steps, and the longest of them has 6."""
    episodes = [episode(5, 0.0), episode(4, 300.0), episode(6, 100.0), episode(3, 200.0)]
    dataset = columns_of(episodes, tmp_path / "data")
    best = TokenWindows(dataset, normalisation_of(dataset, 1.0), 6, best_share=0.6, whole_episodes=True)
    assert np.unique(-best.batch(0, 7, 200).actions[:, -1, 0].numpy()).tolist() == [105, 202, 303]
    with pytest.raises(UserError, match="the longest has 6 steps"):
        TokenWindows(dataset, normalisation_of(dataset, 1.0), 5, best_share=0.6, whole_episodes=True)
    alone = TokenWindows(dataset, normalisation_of(dataset, 1.0), 4, best_share=0.2, whole_episodes=True)
    assert alone.batch(0, 7, 9).actions[:, -1, 0].tolist() == [-303.0] * 9


def test_whole_episodes_that_do_not_fit_are_told_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["env=pendulum", "whole_episodes=true", f"output={tmp_path}"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.endswith(
        "the longest has 200 steps, and model.context=8 is shorter; set model.context=200, or whole_episodes=false."
    )
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", ["whole_episodes=true", "model.embedding_size=9000000000000000000"])
def test_what_is_refused_leaves_the_run_there_as_it_was(
    wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tmp_path / "pendulum" / "default"
    before.mkdir(parents=True)
    for name in ("config.yaml", "model.pt"):
        (before / name).write_text("of hours of training")
    assert main(["env=pendulum", wrong, f"output={tmp_path}", "--overwrite"]) == 2
    assert sorted(path.name for path in before.iterdir()) == ["config.yaml", "model.pt"]


def test_returns_to_go_sum_the_rewards_ahead() -> None:
    assert returns_to_go(np.array([1, 2, 3], dtype=np.float32)).tolist() == [6, 5, 3]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "Name the environment"),
        (["env=pendulm"], "pendulum"),
        (["env=pendulum", "stepz=3"], "steps"),
        (["env=pendulum", "steps=many"], "steps"),
        (["env=pendulum", "model.mixing=psa"], "pssa"),
        (["env=pendulum", "steps=0"], "at least 1"),
        (["env=pendulum", "learning_rate=-1"], "positive"),
        (["env=pendulum", "best_share=0"], "whole dataset"),
        (["env=pendulum", "best_share=1.5"], "whole dataset"),
        (["env=pendulum", "model.mixing=tssa", "model.heads=3", "model.embedding_size=16"], "does not divide"),
        (["env=pendulum", "model.beta=1.0"], "beta"),
        (["env=pendulum", "model.context=4", "model.window=8"], "L\\(S − 1\\) \\+ 1"),
        (["env=pendulum", "model.mixing=tssa", "model.context=4"], "L\\(S − 1\\) \\+ 1"),
        (["env=pendulum", "model.mixing=pssa", "model.position_bias=pairwise"], "cannot stream"),
        (["env=pendulum", "dataset=absent.hdf5"], "absent.hdf5"),
    ],
)
def test_bad_calls_get_one_sentence_and_status_2(
    overrides: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*overrides, f"output={tmp_path}"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("dsf-train: error: ")
    assert re.search(message, error)
    assert not any(tmp_path.iterdir())
