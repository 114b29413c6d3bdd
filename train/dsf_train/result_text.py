"""The result of a training run, as text for a person and as a document for JSON."""

from __future__ import annotations

from typing import Any

from dsf_train.evaluation import Scores
from dsf_train.qat.gain import Gain, gain_table
from dsf_train.trainer import TrainingResult


def result_text(result: TrainingResult) -> str:
    """For a person to read."""
    lines = [f"model  {result.model_file}"]
    lines += [
        f"score  {scores.text()} over {len(scores.scores)} episode{'s' if len(scores.scores) > 1 else ''}, "
        f"return target {scores.return_target:g}"
        for scores in result.scores
    ]
    lines += [f"\n{gain_table(gain)}" for gain in result.gains]
    return "\n".join(lines)


def result_document(result: TrainingResult) -> dict[str, Any]:
    """Plain values for JSON."""
    return {
        "model": str(result.model_file),
        "scores": [_score_document(scores) for scores in result.scores],
        "gains": [_gain_document(gain) for gain in result.gains],
    }


def _gain_document(gain: Gain) -> dict[str, Any]:
    return {
        "return_target": gain.tuned.return_target,
        **{name: _score_document(scores) for name, scores in gain.stages().items()},
        "difference": {"mean": gain.difference.mean, "standard_error": gain.difference.standard_error},
        "shared_spikes": {"rounded": gain.rounded_spikes, "tuned": gain.tuned_spikes},
    }


def _score_document(scores: Scores) -> dict[str, Any]:
    return {
        "return_target": scores.return_target,
        "episodes": len(scores.scores),
        "mean": scores.mean,
        "standard_error": scores.standard_error,
        "returns": scores.returns.tolist(),
    }
