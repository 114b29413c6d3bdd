"""A registered Gymnasium id and a file of one's own: from data to a policy, without a file on the environment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dsf_models.checkpoint import load_model_file
from dsf_train.trainer import train
from neuro_runtime.action_bounds import ActionBounds
from support.small_datasets import STEPS, d4rl_columns, write_hdf5
from tests.dsf_train.tiny_run import short_run


def test_it_trains_for_the_returns_of_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    content = d4rl_columns(
        observations=rng.standard_normal((STEPS, 3)).astype(np.float32),
        actions=rng.uniform(-2, 2, (STEPS, 1)).astype(np.float32),
        rewards=-np.arange(STEPS, dtype=np.float32),
    )
    file = write_hdf5(tmp_path / "data.hdf5", content)
    config = short_run(tmp_path / "runs", f"dataset={file}", "steps=2", "final_episodes=1")
    config.env = "Pendulum-v1"
    result = train(config)
    policy = load_model_file(result.model_file)
    assert (policy.return_target, policy.normalisation.return_scale) == (-6.0, 22.0)  # −0−1−2−3, and −4−5−6−7
    assert policy.action_bounds == ActionBounds((-2.0,), (2.0,))
    assert policy.normalisation.input_clip == 10.0
    (scores,) = result.scores
    np.testing.assert_allclose(scores.scores, scores.returns)
