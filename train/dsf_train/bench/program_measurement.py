"""A trained policy measured as a chip would run it: exported, and its fixed-point program run in closed loop."""

from __future__ import annotations

from dataclasses import dataclass

from dsf_common.errors import UserError
from dsf_export.export_of_call import export
from dsf_train.configuration import TrainConfig
from dsf_train.evaluation import EVALUATION_SEED
from dsf_train.run_folder import RunFolder
from hw_profiles.energy import POWERS
from neuro_runtime.run_of_call import run_policy
from neuro_runtime.run_options import RunConfiguration

BACKEND = "loihi-fast"


@dataclass(frozen=True)
class Measurement:
    """A program's score and its price by one profile.

    Attributes
    ----------
    score
        Normalised, the mean of the episodes.
    synops
        A decision.
    total_pj, active_pj
        Energy of a decision by the profile, and without constant power.
    """

    score: float
    synops: float
    total_pj: float
    active_pj: float


def measure_program(config: TrainConfig, profile: str) -> Measurement:
    """Export a finished run's policy into its folder, and run the program on the episodes that score policies.

    Raises
    ------
    GateFailed
        A stage of the export does not match the one before it.
    UserError
        The policy has no program, or the profile cannot price it.
    """
    folder = RunFolder.of(config).path
    program = export(folder)  # as dsf-export makes it, lean
    request = RunConfiguration(
        policy=str(program), episodes=config.final_episodes, seed=EVALUATION_SEED, out=str(folder / "run")
    )
    summary = run_policy(request, BACKEND, [profile], command=f"dsf-bench front profile={profile}").summary
    (priced,) = summary.priced
    if priced.energy is None:
        raise UserError(f"profile {profile} cannot price {program}; choose another profile=")
    return Measurement(
        score=summary.rollout.score.mean,
        synops=summary.counts.synops,
        total_pj=priced.energy.total_pj,
        active_pj=sum(line.total_pj for line in priced.energy.lines if line.term not in POWERS),
    )
