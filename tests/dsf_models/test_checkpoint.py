"""model.pt: what is written comes back, and whatever else is in its place is refused without being run."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dsf_common.checksum import CHECKSUM
from dsf_common.errors import UserError
from dsf_models import DSFormer
from dsf_models.checkpoint import (
    Normalisation,
    PolicyModel,
    load_model_file,
    load_tensors,
    model_config,
    save_model_file,
    save_tensors,
)
from dsf_models.configuration import ModelConfig, Surrogate
from support.spoiled_files import Spoil, a_folder, empty, end_lost, gone, random_bytes, text, truncated


def policy() -> PolicyModel:
    torch.manual_seed(0)
    config = ModelConfig(embedding_size=8, blocks=1, window=2, context=4, mixing="delay", beta=0.5)
    normalisation = Normalisation(np.array([1, 2, 3], np.float32), np.array([4, 5, 6], np.float32), 100.0)
    configuration = {"env": "pendulum", "steps": 7, "model": {"mixing": "delay"}}
    return PolicyModel(DSFormer(config, 3, 2).eval(), normalisation, "pendulum", -150.0, configuration)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model.pt"
    save_model_file(path, policy())
    return path


def test_round_trip(model_file: Path) -> None:
    before, after = policy(), load_model_file(model_file)
    assert after.model.config == before.model.config
    weights, expected = after.model.state_dict(), before.model.state_dict()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in weights)
    assert not after.model.training
    assert np.array_equal(after.normalisation.state_mean, before.normalisation.state_mean)
    assert np.array_equal(after.normalisation.state_std, before.normalisation.state_std)
    assert (after.normalisation.return_scale, after.environment, after.return_target) == (100.0, "pendulum", -150.0)
    assert after.configuration == before.configuration


def test_a_file_that_names_no_surrogate_was_trained_with_the_published_one(model_file: Path) -> None:
    content = torch.load(model_file, weights_only=True)
    del content["model"]["surrogate"], content[CHECKSUM]
    save_tensors(model_file, content)
    assert load_model_file(model_file).model.config.surrogate is Surrogate.published


def test_a_failed_write_leaves_the_earlier_file(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = model_file.read_bytes()

    def cut_short(content: object, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", cut_short)
    with pytest.raises(OSError, match="no space left"):
        save_model_file(model_file, policy())
    assert model_file.read_bytes() == before
    assert os.listdir(model_file.parent) == ["model.pt"]


class Trap:
    """Unpickled, it would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("protocol", ["torch", "pickle"])
def test_code_in_a_file_is_never_run(tmp_path: Path, protocol: str) -> None:
    path, trap = tmp_path / "model.pt", tmp_path / "sprung"
    if protocol == "torch":
        torch.save({"format": Trap(trap)}, path)
    else:
        path.write_bytes(pickle.dumps(Trap(trap), protocol=2))
    with pytest.raises(UserError, match=r"model\.pt is not a readable PyTorch file of plain tensors"):
        load_model_file(path)
    assert not trap.exists()


def edited(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """The model file with its content changed."""

    def apply(path: Path) -> None:
        content = load_tensors(path)
        change(content)
        torch.save(content, path)

    return apply


BAD_FILES: dict[str, tuple[Spoil, str]] = {
    "missing": (gone, "There is no model file"),
    "folder": (a_folder, "There is no model file"),
    "empty": (empty, "not a readable PyTorch file"),
    "text": (text("weights: none\n"), "not a readable PyTorch file"),
    "random": (random_bytes, "not a readable PyTorch file"),
    "cut short": (truncated, "not a readable PyTorch file"),
    "end lost": (end_lost, "not a readable PyTorch file"),
    "numbered tensors": (lambda path: torch.save({1: torch.ones(3)}, path), "holds a dict, not a model"),
    "a tensor": (lambda path: torch.save(torch.ones(3), path), "holds a Tensor, not a model"),
    "another model": (lambda path: torch.save({"conv.weight": torch.ones(3)}, path), "neither a model.pt"),
    "version": (edited(lambda content: content.update(version=99)), "model format 99, this release reads 1 to 3"),
    "no weights": (edited(lambda content: content.pop("weights")), "is damaged: it has no weights"),
    "a weight lost": (edited(lambda content: content["weights"].popitem()), "is damaged"),
    "wrong dimension": (edited(lambda content: content["model"].update(embedding_size=16)), "is damaged"),
    "more observations": (edited(lambda content: content.update(state_mean=torch.zeros(5))), "is damaged"),
    "unknown setting": (
        edited(lambda content: content["model"].update(depth=3)),
        "settings depth, which this release does not know",
    ),
    "unknown mixing": (
        edited(lambda content: content["model"].update(mixing="magic")),
        "model.mixing=magic, which is not registered",
    ),
    "setting of another type": (edited(lambda content: content["model"].update(blocks="two")), "'two' is no int"),
    "part of a time step": (edited(lambda content: content["model"].update(time_steps=2.5)), "2.5 is no int"),
    "statistics of other axes": (
        edited(lambda content: content.update(state_mean=torch.zeros(3, 1), state_std=torch.ones(3, 1))),
        r"state_mean has shape \(3, 1\)",
    ),
    "no deviation": (edited(lambda content: content.update(state_std=torch.zeros(3))), "deviation is not positive"),
    "no return scale": (edited(lambda content: content.update(return_scale=0.0)), "its return scale is 0.0"),
    "no return target": (edited(lambda content: content.update(return_target=float("nan"))), "return target is nan"),
    "normalisation lost": (edited(lambda content: content.update(state_std=None)), "is damaged"),
    "deviation of another size": (edited(lambda content: content.update(state_std=torch.ones(9))), "is damaged"),
    "not a number": (
        edited(lambda content: content["weights"]["head.weight"].fill_(float("nan"))),
        "is damaged",
    ),
}


def test_a_closed_file_is_not_called_damaged(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # the superuser, whom no mode keeps out, runs these tests too
    with pytest.raises(UserError, match=r"model\.pt may not be read by this user"):
        load_model_file(model_file)


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_one_sentence(model_file: Path, case: str) -> None:
    spoil, sentence = BAD_FILES[case]
    spoil(model_file)
    with pytest.raises(UserError, match=sentence) as refused:
        load_model_file(model_file)
    assert str(model_file) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert re.search("; (pass|copy or train|retrain|import) [^;]+\\.$", str(refused.value)), "it says what to do"


def test_no_damage_is_a_traceback(model_file: Path) -> None:
    """Files with a few bytes changed where the pickle is, or cut short, load or are refused."""
    whole, generator = model_file.read_bytes(), np.random.default_rng(0)
    refusals = []
    for _ in range(300):
        damaged = bytearray(whole[: generator.integers(1, len(whole))] if generator.random() < 0.2 else whole)
        for place in generator.integers(0, min(len(damaged), 4000), 2):
            damaged[place] = generator.integers(256)
        model_file.write_bytes(damaged)
        try:
            load_model_file(model_file)
        except UserError as problem:
            refusals.append(str(problem))
    assert len(refusals) > 100
    assert not [refusal for refusal in refusals if "\n" in refusal or str(model_file) not in refusal]


@pytest.mark.parametrize("mixing", ["tssa", "sssa", "sdsa1", "sdsa3", "pssa"])
def test_a_file_from_before_windows_means_the_whole_context(mixing: str) -> None:
    stored = {"mixing": mixing, "context": 20, "window": 8, "blocks": 1}
    assert model_config(stored).window == (8 if mixing == "pssa" else 20)
    assert model_config({**stored, "score_limit": 0}).window == 8
