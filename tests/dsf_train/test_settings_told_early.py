"""Settings that end badly are told before the hours: by the configuration, or by a warning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dsf_common.errors import UserError
from dsf_common.memory import physical_memory
from dsf_export.program_requirements import settings_without_loihi_form
from dsf_models.configuration import ModelConfig, ModelKind
from dsf_models.distributed import own_device
from dsf_train.command_train import main
from dsf_train.room import require_room
from dsf_train.run_folder import RunFolder
from neuro_runtime.environments import load_environment_spec
from tests.dsf_train.tiny_run import SHORT, short_run


def test_one_value_a_channel_has_no_deviation(tmp_path: Path) -> None:
    one = ("batch_size=1", "model.context=1", "model.time_steps=1", "model.window=1")
    with pytest.raises(UserError, match="needs two values a channel"):
        short_run(tmp_path, *one).validate()
    with pytest.raises(UserError, match="time_steps=0 must be at least 1"):
        short_run(tmp_path, "model.time_steps=0").validate()
    short_run(tmp_path, *one, "model.norm=none").validate()
    short_run(tmp_path, *one[1:], "batch_size=2").validate()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (ModelConfig(beta=0.0), "model.beta=0 is a decay of 4096"),
        (ModelConfig(beta=0.99999), "model.beta=0.99999 is a decay of 0"),
        (ModelConfig(threshold=1e6), "model.threshold=1e+06 is far from"),
        (ModelConfig(threshold=1e-6), "model.threshold=1e-06 is far from"),
    ],
)
def test_a_setting_without_a_loihi_form_is_told(model: ModelConfig, words: str) -> None:
    (sentence,) = settings_without_loihi_form(model)
    assert words in sentence
    assert "choose one from" in sentence


def test_other_settings_are_not() -> None:
    assert not settings_without_loihi_form(ModelConfig())
    assert not settings_without_loihi_form(ModelConfig(kind=ModelKind.mlp, beta=0.0))


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("batch_size=9000000000000000000", "batch_size=9000000000000000000 with model.context=4 takes at least"),
        ("model.context=1000000000", "with model.context=1000000000 takes at least"),
        ("final_episodes=9000000000000000000", "environments side by side takes at least"),
        ("threads=100000", "threads=100000 is more than the 1024 that can run at once"),
        ("model.embedding_size=9000000000000000000", "there is not enough memory"),
    ],
)
def test_numbers_that_no_machine_can_do_are_refused(
    option: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*SHORT, f"output={tmp_path}", option]) == 2
    assert words in capsys.readouterr().err


def test_a_value_learner_draws_no_windows(tmp_path: Path) -> None:
    config = short_run(tmp_path, "model.blocks=2", "model.context=8")
    spec = load_environment_spec("pendulum")
    many = replace(config, batch_size=physical_memory() // 40)
    with pytest.raises(UserError, match="batch_size"):
        require_room(many, spec)
    require_room(replace(many, model=replace(config.model, kind=ModelKind.cql)), spec)


@pytest.mark.parametrize("device", ["mps", "xpu", "tpu", "meta"])
def test_a_device_that_is_not_here_is_one_sentence(device: str) -> None:
    with pytest.raises(UserError, match=f"device={device} ") as told:
        own_device(device)
    assert len(str(told.value)) < 200


def test_runs_may_lie_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert RunFolder.of(short_run(Path("~/runs"))).path == tmp_path / "runs" / "pendulum" / "default"
