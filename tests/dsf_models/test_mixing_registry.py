"""Token mixings by name: unknown, taken and impossible names, and what a stored model says of one that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dsf_common.errors import UserError
from dsf_models.checkpoint import load_model_file, load_tensors, save_model_file
from dsf_models.configuration import ModelConfig
from dsf_models.mixings import PSSA, make_mixing, mixing_class, mixing_names, register_mixing
from dsf_train.run_options import training_config
from support.mixing_cases import MIXINGS
from support.random_policies import random_policy


def test_the_mixings_of_the_toolchain_are_registered() -> None:
    assert set(mixing_names()) >= set(MIXINGS)
    assert mixing_class("pssa") is PSSA
    assert type(make_mixing(ModelConfig())) is PSSA


@pytest.mark.parametrize(
    ("wrong", "end"),
    [
        ("psaa", r"did you mean .*pssa\?"),
        ("delay-matrices", r"did you mean delay-matrix or .*\?"),
        ("pzza", "choose from delay, delay-matrix, .*pssa"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_ones(wrong: str, end: str) -> None:
    with pytest.raises(UserError, match=f"There is no token mixing model.mixing={wrong}: {end}"):
        training_config(["env=pendulum", f"model.mixing={wrong}"]).validate()


def test_a_name_may_be_written_as_in_python() -> None:
    assert training_config(["env=pendulum", "model.mixing=pssa_delay_matrix"]).model.mixing == "pssa-delay-matrix"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("pssa", "There is a token mixing pssa already, PSSA"), ("My_Trace", "cannot be called 'My_Trace'")],
)
def test_taken_and_impossible_names_are_refused(name: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        register_mixing(name)
    assert mixing_class("pssa") is PSSA


def test_a_model_of_an_unknown_mixing_is_refused(tmp_path: Path) -> None:
    """A model.pt whose mixing is a user's own says which module is missing, and not that the file is damaged."""
    path = tmp_path / "model.pt"
    config = ModelConfig(embedding_size=8, blocks=1, window=2, context=4)
    save_model_file(path, random_policy(config, 3, 1, environment="pendulum"))
    assert load_model_file(path).model.config.mixing == "pssa"
    content = load_tensors(path)
    content["model"]["mixing"] = "my-trace"
    torch.save(content, path)
    with pytest.raises(
        UserError, match=r"model.mixing=my-trace, which is not registered; import the module that registers it"
    ):
        load_model_file(path)
    content["model"]["mixing"] = 3
    torch.save(content, path)
    with pytest.raises(UserError, match=r"model\.pt is damaged"):
        load_model_file(path)
