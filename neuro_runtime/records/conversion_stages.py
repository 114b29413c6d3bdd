"""A policy's score before and after its conversion, over the same episodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from dsf_common.errors import UserError
from dsf_common.statistics import estimate_mean
from neuro_runtime.program.program import Arithmetic


@dataclass(frozen=True)
class Stage:
    """Scores of the policy at one stage, one an episode; ``what`` says in words what ran."""

    name: str
    what: str
    scores: tuple[float, ...]


@dataclass(frozen=True)
class ConversionStages:
    """The stages of one policy in the order of its conversion; ``note`` says which is missing, and why."""

    stages: tuple[Stage, ...]
    note: str | None = None

    def document(self) -> dict[str, object]:
        """Plain values for JSON: mean scores with 95 % intervals, and last − first, paired by episode."""
        first, last = self.stages[0].scores, self.stages[-1].scores
        differences = [after - before for before, after in zip(first, last, strict=True)]
        return {
            "stages": [
                {"name": stage.name, "what": stage.what, "score": asdict(estimate_mean(stage.scores))}
                for stage in self.stages
            ],
            "difference": asdict(estimate_mean(differences)) if len(self.stages) > 1 else None,
            "note": self.note,
        }


def conversion_stages(
    backend: str, arithmetic: Arithmetic | None, scores: Sequence[float], run_float: Callable[[], Sequence[float]]
) -> ConversionStages:
    """The stages around a run of ``backend`` that had ``scores``.

    Parameters
    ----------
    arithmetic
        The arithmetic of the program that was run; None for a run of the trained model.
    run_float
        Runs the trained model over the same episodes; it raises `UserError` where that cannot be done here.
    """
    if arithmetic is None:
        return ConversionStages((_float_stage(scores),), "The run is of the trained model, before its conversion.")
    name = "fixed point" if arithmetic == "loihi" else "lowered, in float"
    converted = Stage(name, f"the exported program token by token, {backend}", tuple(scores))
    try:
        return ConversionStages((_float_stage(run_float()), converted))
    except UserError as error:
        return ConversionStages((converted,), f"The trained model was not run: {error}.")


def _float_stage(scores: Sequence[float]) -> Stage:
    return Stage("float", "the trained model recomputing its window, torch", tuple(scores))
