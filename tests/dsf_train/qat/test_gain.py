"""What fine-tuning gained, as a person reads it."""

from __future__ import annotations

import numpy as np
import pytest

from dsf_train.evaluation import Scores
from dsf_train.qat.gain import Gain, gain_table
from neuro_runtime.program.weight_format import WeightFormat


@pytest.mark.parametrize(
    ("episodes", "rows"),
    [
        (1, ["float 99.0 100.0 %", "rounded after training 90.0 99.5%", "fine-tuned, rounded 96.0 97.5%"]),
        (2, ["float 100.0 ± 1.0 100.0 %", "rounded after training 91.0 ± 1.0 99.5%"]),
    ],
)
def test_a_score_has_an_error_where_there_are_several_episodes(episodes: int, rows: list[str]) -> None:
    def scores(first: float) -> Scores:
        values = np.array([first, first + 2], dtype=np.float64)[:episodes]
        return Scores(-150, values, values)

    gain = Gain(WeightFormat(8), scores(99), scores(90), scores(96), 0.995, 0.975)
    lines = [" ".join(line.split()) for line in gain_table(gain).splitlines()]
    assert lines[2 : 2 + len(rows)] == rows
