"""Columns of observations that may not be what they seem, and what the network is given of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsf_export.fold import fold
from dsf_export.lower import lower
from dsf_models.checkpoint import Normalisation, load_model_file, save_model_file
from dsf_models.configuration import ModelConfig
from dsf_train.command_data import main
from dsf_train.datasets import Episode, open_dataset
from dsf_train.sampling import TokenWindows, normalisation_of
from neuro_runtime.environments import load_environment_spec
from neuro_runtime.program.storage import load_program, save_program
from neuro_runtime.token import Token
from support.random_policies import random_policy
from support.small_datasets import columns_of, d4rl_columns, write_hdf5

STEPS = 1600


def episodes(**columns: float) -> list[Episode]:
    """One episode of three columns, standard normal but for the named ones, which are multiplied."""
    observations = np.random.default_rng(0).standard_normal((STEPS, 3))
    for column, factor in columns.items():
        observations[:, int(column[1:])] *= factor
    return [Episode(observations.astype(np.float32), np.zeros((STEPS, 1), np.float32), np.ones(STEPS, np.float32))]


def with_column(values: float) -> list[Episode]:
    """One episode whose middle column is ``values``."""
    (episode,) = episodes()
    episode.observations[:, 1] = values
    return [episode]


def one_missing_reading() -> list[Episode]:
    (episode,) = episodes()
    episode.observations[7, 1] = 3e38
    return [episode]


def test_a_constant_column_is_as_harmless_in_the_loop_as_in_training(tmp_path: Path) -> None:
    normalisation = normalisation_of(columns_of(with_column(1013.2), tmp_path / "columns"), 1.0)
    given = normalisation.states(np.array([[0.0, 1013.2, 0.0], [0.0, 1018.2, 0.0]]))[:, 1]  # float64, as a sensor's
    assert np.abs(given).max() < 0.01


@pytest.mark.parametrize("factor", [1e-9, 1e-3, 1.0, 1e6])
def test_a_column_is_normalised_whatever_its_unit(tmp_path: Path, factor: float) -> None:
    columns = columns_of(episodes(_1=factor), tmp_path / "columns")
    given = normalisation_of(columns, 1.0).states(columns.observations)[:, 1]
    assert given.std() == pytest.approx(1, rel=2e-3)


def test_a_training_window_and_a_decision_are_given_the_same(tmp_path: Path) -> None:
    columns = columns_of(episodes(_1=1e3), tmp_path / "columns")
    normalisation = normalisation_of(columns, 1.0, input_clip=1.5)
    batch = TokenWindows(columns, normalisation, context=1).windows(np.arange(STEPS))
    acting = normalisation.states(columns.observations.astype(np.float64)).astype(np.float32)
    assert np.array_equal(batch.states[:, 0].numpy(), acting)
    assert np.abs(acting).max() == 1.5


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (with_column(1013.2), "observation 1 is 1013.2 in every step"),
        (one_missing_reading(), "observation 1 reaches 3e+38, 40 deviations from its mean"),
        (episodes(_0=2e4), "observation 0 varies 2"),
    ],
    ids=["constant", "no reading", "out of scale"],
)
def test_a_doubtful_column_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    made: list[Episode],
    words: str,
) -> None:
    monkeypatch.setenv("DSF_CACHE", str(tmp_path / "cache"))
    (episode,) = made
    ends = np.arange(STEPS) % 200 == 199
    content = d4rl_columns(**vars(episode), terminals=ends, timeouts=None)
    path = write_hdf5(tmp_path / "data.hdf5", content)
    assert main(["info", str(path), "env=pendulum"]) == 0
    assert words in capsys.readouterr().out
    assert main(["info", str(path), "env=pendulum", "--json"]) == 0
    assert any(words in doubt for doubt in json.loads(capsys.readouterr().out)["doubts"])
    open_dataset(load_environment_spec("pendulum"), path)
    assert words in caplog.text


def test_columns_of_everyday_data_are_not(tmp_path: Path) -> None:
    from dsf_train.datasets.state_columns import doubts

    columns = columns_of(episodes(_0=100, _1=0.1), tmp_path / "columns")
    assert list(doubts(columns.state_moments, columns.state_range)) == []


def test_model_program_and_simulators_clip_alike_and_count(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    from neuro_runtime.simulators.loihi_fast.host import CompiledHost

    config = ModelConfig(embedding_size=8, blocks=1, window=2, context=4, time_steps=2)
    policy = random_policy(config, 3, 2)
    clipping = replace(policy, normalisation=replace(policy.normalisation, input_clip=10.0))
    save_model_file(tmp_path / "model.pt", clipping)
    again = load_model_file(tmp_path / "model.pt")
    assert again.normalisation.input_clip == 10.0
    save_program(lower(fold(again.model), again, {}), tmp_path / "program.dsf.h5")
    program = load_program(tmp_path / "program.dsf.h5")

    mean, deviation = policy.normalisation.state_mean.astype(float), policy.normalisation.state_std.astype(float)
    far, edge = (Token(mean + deviation * np.array(by), np.zeros(2), 0.0) for by in ([1e20, -1e3, 1], [10, -10, 1]))
    np.testing.assert_allclose(program.encoder.encode(far), program.encoder.encode(edge), rtol=1e-12)
    host = CompiledHost(program.encoder, program.readout)
    assert np.array_equal(host.encode([far])[0][0], program.encoder.encode(far))
    assert (host.clipped_inputs, program.encoder.clipped(far), again.normalisation.clipped(far.state)) == (2, 2, 2)
    np.testing.assert_allclose(again.normalisation.states(far.state), [10, -10, 1], rtol=1e-6)


def test_a_file_of_an_earlier_release_does_not_clip() -> None:
    normalisation = Normalisation(np.zeros(1, np.float32), np.ones(1, np.float32), 1.0)
    assert normalisation.states(np.array([1e6])) == [1e6]
