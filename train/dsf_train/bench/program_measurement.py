"""A trained policy measured as a chip would run it: exported, and its fixed-point program run in closed loop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dsf_common.errors import UserError
from dsf_export.command_export import DEFAULT_DECISIONS
from dsf_export.pipeline import from_policy, own_format, provenance_of
from dsf_export.program_file import write_program
from dsf_export.targets import find_target
from dsf_models.checkpoint import load_model_file
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
    program = _export(folder)
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


def _export(folder: Path) -> Path:
    """The program of the policy in ``folder``, beside it."""
    model, target = folder / "model.pt", find_target("lava")
    program = folder / f"program{target.suffix}"
    policy = load_model_file(model)
    candidate = from_policy(policy, provenance_of(model, policy), DEFAULT_DECISIONS, formats=[own_format(policy)])
    write_program(candidate, target, program)
    return program
