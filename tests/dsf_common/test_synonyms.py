"""A key that another project would know is answered with ours."""

from __future__ import annotations

import pytest

from dsf_common.errors import UserError
from dsf_common.key_value_options import compose
from dsf_common.option_meanings import options_of
from dsf_common.synonyms import NAMES_ELSEWHERE
from dsf_train.bench.options import BenchOptions
from dsf_train.configuration import TrainConfig
from neuro_runtime.run_options import RunConfiguration


@pytest.mark.parametrize(
    ("pair", "ours"),
    [
        ("lr=1e-3", "learning_rate"),
        ("epochs=10", "steps"),
        ("dim=64", "model.embedding_size"),
        ("gpu=0", "device=cuda"),
        ("hidden_size=64", "model.embedding_size"),
        ("model.hidden_size=64", "model.embedding_size"),
        ("embedding_size=64", "model.embedding_size"),
        ("K=20", "model.context"),
        ("model.T=4", "model.time_steps"),
        ("v_threshold=1", "model.threshold"),
        ("env_name=pendulum", "env"),
        ("episodes=3", "final_episodes"),
        ("out=here", "output"),
        ("weights=model.pt", "policy"),
        ("model.learning_rate=1", "learning_rate"),
    ],
)
def test_dsf_train(pair: str, ours: str) -> None:
    with pytest.raises(UserError, match=f"^unknown key '{pair.partition('=')[0]}': here it is {ours}$"):
        compose(TrainConfig, ["env=pendulum", pair])


@pytest.mark.parametrize(
    ("pair", "ours"),
    [("rtg=1", "return_target"), ("num_envs=2", "lanes"), ("output=x", "out"), ("checkpoint=model.pt", "policy")],
)
def test_dsf_run(pair: str, ours: str) -> None:
    with pytest.raises(UserError, match=f"here it is {ours}$"):
        compose(RunConfiguration, [pair])


def test_every_answer_is_an_option_of_a_command() -> None:
    commands = (TrainConfig, RunConfiguration, BenchOptions)
    keys = {option.key for command in commands for option in options_of(command)}
    assert {our.partition("=")[0] for our in NAMES_ELSEWHERE} <= keys
