"""A policy's program as dsf-export makes it, and the energy of its decisions."""

from __future__ import annotations

from pathlib import Path

from dsf_export.optimise.lean_candidate import make_lean
from dsf_export.optimise.passes import PassChoice
from dsf_export.pipeline import from_policy, own_format, provenance_of
from dsf_models.checkpoint import PolicyModel
from hw_profiles.activity import ActivityCounts
from hw_profiles.energy import EnergyEstimate
from hw_profiles.loader import load_profile
from hw_profiles.pricing import price
from neuro_runtime.chip_network import chip_network
from neuro_runtime.program import Program
from neuro_runtime.program.chip import find_chip
from neuro_runtime.program.weight_format import WeightFormat


def exported(policy: PolicyModel, file: Path, decisions: int, chip: str = "portable") -> Program:
    """The lean program of ``policy``, whose model file ``file`` is, chosen on ``decisions`` decisions."""
    own = own_format(policy)
    wanted = WeightFormat(own.bits, own.exponents, find_chip(chip))
    candidate = from_policy(policy, provenance_of(file, policy), decisions, formats=[wanted])
    return make_lean(candidate, PassChoice.safe).candidate.program


def energy_of(program: Program, counts: ActivityCounts, profile: str) -> EnergyEstimate | None:
    """Energy of a decision of mean ``counts`` by ``profile``; None where the profile prices no whole decision."""
    return price(counts, chip_network(program), load_profile(profile)).energy
