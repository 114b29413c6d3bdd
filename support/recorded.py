"""Tokens for benchmarks to decide on: those that a policy itself meets in its environment."""

from __future__ import annotations

from dsf_export.recording import Recording, StateSpread, record
from neuro_runtime.backends import loihi_fast
from neuro_runtime.policy_files import PolicyFiles
from neuro_runtime.program.storage import load_program
from neuro_runtime.token import Token


def recording_of(files: PolicyFiles, decisions: int) -> Recording:
    """``decisions`` tokens of the policy's program in closed loop, in episodes of at most 50."""
    encoder = load_program(files.need_program()).encoder
    return record(loihi_fast.open_backend(files), StateSpread(encoder.state_mean, encoder.state_std), decisions)


def tokens_of(recording: Recording) -> list[Token]:
    """Its tokens, one episode after the other."""
    return [token for episode in recording.episodes for token in episode]
