"""An export's candidate made lean: its rows, recorded silence, and the way back from a provenance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsf_common.errors import GateFailed, UserError
from dsf_export.optimise import lean_candidate
from dsf_export.optimise.lean_candidate import RECORDED, made_lean_again, make_lean, require_equal
from dsf_export.optimise.pass_report import PassRow, pass_table
from dsf_export.optimise.passes import PASSES, PassChoice, find_choice
from dsf_export.optimise.passes import lean as made_lean
from dsf_export.optimise.record_silence import HeldOut, Silence, hold_out, record_silence
from dsf_export.optimise.recorded import RecordedSilence
from dsf_export.pipeline import Candidate, from_policy
from neuro_runtime.program import Program, program_hash
from neuro_runtime.program.nodes import Lif
from support.random_policies import random_policy
from support.small_policies import PSSA, TINY


@pytest.fixture(scope="module")
def candidate() -> Candidate:
    """An untrained pendulum policy, as it was rounded."""
    return from_policy(random_policy(PSSA, 3, 1, environment="pendulum"), {}, decisions=4)


@pytest.fixture(scope="module")
def shallow() -> Candidate:
    """One whose neurons decay for longer than a token takes through its layers."""
    return from_policy(random_policy(TINY, 3, 1, environment="pendulum"), {}, decisions=4)


def test_a_row_says_what_each_pass_changed(candidate: Candidate) -> None:
    lean = make_lean(candidate, PassChoice.safe)
    before, *after = lean.rows
    assert before.time_steps == candidate.program.period
    assert after[-1].time_steps == lean.candidate.program.period < before.time_steps
    assert all(row.different == 0 for row in lean.rows)
    assert before.synops > 0
    assert lean.candidate.program.provenance[PASSES].endswith("shortest period")
    assert "shortest period" in pass_table(lean.rows)
    again = made_lean_again(candidate.program, lean.candidate.program.provenance)
    assert program_hash(again) == program_hash(lean.candidate.program)


def test_resets_are_a_row_of_their_own_and_in_the_provenance(shallow: Candidate) -> None:
    lean = make_lean(shallow, PassChoice.safe, may_reset=True)
    program = lean.candidate.program
    assert lean.rows[-1].name == "reset at a token's begin"
    assert lean.rows[-1].time_steps < lean.rows[-2].time_steps
    assert lean.rows[-1].different == 0
    assert program_hash(made_lean_again(shallow.program, program.provenance)) == program_hash(program)


def test_a_lean_program_stays_what_it_is(shallow: Candidate) -> None:
    once = make_lean(shallow, PassChoice.safe).candidate
    again = make_lean(once, PassChoice.safe, may_reset=True).candidate.program
    assert again.provenance[PASSES] == f"{once.program.provenance[PASSES]}, reset at a token's begin"
    with pytest.raises(UserError, match=r"a program that no pass has changed, .* pass the model.pt"):
        make_lean(once, PassChoice.all)


def test_without_passes_nothing_changes(candidate: Candidate) -> None:
    lean = make_lean(candidate, PassChoice.none)
    assert lean.candidate is candidate
    assert lean.rows == ()


def test_an_unknown_choice_is_answered_with_those_there_are() -> None:
    with pytest.raises(UserError, match=r"unknown passes 'al': did you mean all"):
        find_choice("al")


def test_what_a_record_and_other_episodes_agree_on_goes(candidate: Candidate) -> None:
    """A hidden layer that does not reach its threshold here."""
    program = _with_threshold(candidate.program, "block0.mlp.hidden", 2**17 - 1)
    silence = record_silence(program, episodes=2)
    assert silence.silent["block0.mlp.hidden"].all()
    silence = Silence({"block0.mlp.hidden": silence.silent["block0.mlp.hidden"]}, silence.decisions)
    shorter = RecordedSilence(silence.silent)
    held_out = hold_out(program, made_lean(program, (shorter,)), silence, episodes=1)
    assert held_out.holds
    assert held_out.decisions == 200


def test_what_would_have_fired_is_counted(candidate: Candidate) -> None:
    program = candidate.program
    wrong = Silence({"block0.mlp.hidden": np.ones(program.node("block0.mlp.hidden").size, dtype=bool)}, 0)
    held_out = hold_out(program, made_lean(program, (RecordedSilence(wrong.silent),)), wrong, episodes=1)
    assert held_out.would_have_fired > 0
    assert not held_out.holds


@pytest.mark.parametrize("holds", [True, False])
def test_a_record_that_does_not_hold_is_not_applied(
    candidate: Candidate, holds: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = candidate.program.node("block0.mlp.hidden")
    fired = np.sum([rasters[hidden.name].sum(axis=0) for rasters in candidate.run.rasters], axis=0) > 0
    silence = Silence({hidden.name: ~fired}, 100)
    monkeypatch.setattr(lean_candidate, "record_silence", lambda *arguments: silence)
    monkeypatch.setattr(lean_candidate, "hold_out", lambda *arguments: HeldOut(1, 200, int(not holds), 0))
    lean = make_lean(candidate, PassChoice.all)
    program = lean.candidate.program
    assert (RECORDED in program.provenance) == holds
    left = sum(node.size for node in program.nodes if node.name == hidden.name)
    assert left <= int(fired.sum()) if holds else left > 0
    assert program_hash(made_lean_again(candidate.program, program.provenance)) == program_hash(program)


def test_a_pass_that_changes_an_action_is_refused() -> None:
    row = PassRow("equal neurons", 10, 20, 16, 5.0, different=0)
    require_equal([row])
    with pytest.raises(GateFailed, match="the pass 'equal neurons' changes the actions of 4 decisions"):
        require_equal([row, replace(row, different=4)])


def _with_threshold(program: Program, name: str, threshold: int) -> Program:
    nodes = tuple(
        replace(node, threshold=threshold) if isinstance(node, Lif) and node.name == name else node
        for node in program.nodes
    )
    return replace(program, nodes=nodes)
