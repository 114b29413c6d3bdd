"""Settings that end badly are told before the hours: by the configuration, or by a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsf_common.errors import UserError
from dsf_export.program_requirements import settings_without_loihi_form
from dsf_models.configuration import ModelConfig, ModelKind
from dsf_models.distributed import own_device
from tests.dsf_train.tiny_run import short_run


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


@pytest.mark.parametrize("device", ["mps", "xpu", "tpu", "meta"])
def test_a_device_that_is_not_here_is_one_sentence(device: str) -> None:
    with pytest.raises(UserError, match=f"device={device} ") as told:
        own_device(device)
    assert len(str(told.value)) < 200
