"""An export for a person to read."""

from __future__ import annotations

from dsf_export.network_export import Network
from dsf_export.optimise.lean_candidate import Lean, Recorded
from dsf_export.optimise.pass_report import pass_table
from dsf_export.parity import Parity, table
from dsf_export.pipeline import Candidate
from dsf_export.report_text import agreement_table, format_table, portable_lines, state_table
from neuro_runtime.program.provenance import protocol_of
from neuro_runtime.program.summary import summary


def program_text(lean: Lean, parity: Parity) -> str:
    """The program, its layers, its parity up to the file that was written, and its passes."""
    candidate, program = lean.candidate, lean.candidate.program
    protocol = protocol_of(program)
    lines = [
        f"program: {program.active_steps} active of {program.period} time steps a decision{_weights(candidate)}",
        f"protocol: {protocol}",
        *(f"note on its data: {note}" for note in protocol.data_notes),
        "",
        summary(program),
        "",
        f"layers on {parity.recording.decisions} decisions, {parity.recording.origin}: spikes beside the float",
        "program's (agreement: the same of all; overlap: both of either; alone: given the float spikes)",
        agreement_table(candidate.layers),
        "",
        "the largest states and arrivals of a time step if every synapse of one sign is active at once, and the",
        "largest arrivals observed",
        state_table(candidate.layers),
        "",
        *portable_lines(candidate.layers, program, candidate.run.arrival_peaks),
        *candidate.warnings,
        "",
        f"parity on {parity.recording.decisions} decisions, {parity.recording.origin}",
        table(parity),
        *_pass_lines(lean),
    ]
    if len(candidate.formats) > 1:
        lines += ["", "spike agreement with float by the bits of a weight, alone / in the program"]
        lines += [format_table(candidate.formats)]
    return "\n".join(lines)


def network_text(network: Network, parity: Parity) -> str:
    """A model without a program, and the parity of its files."""
    lines = [
        f"{network.policy.model.config.kind.value}, which has no program",
        f"protocol: {network.policy.protocol}",
        "",
        f"parity on {parity.recording.decisions} decisions, {parity.recording.origin}",
        table(parity),
    ]
    return "\n".join(lines)


def _weights(candidate: Candidate) -> str:
    if not candidate.formats:
        return ""
    weight_format = candidate.formats[0].weight_format
    return (
        f", weights of {weight_format.bits} bits with up to {weight_format.exponents} exponents a matrix, "
        f"for {weight_format.chip.arithmetic}"
    )


def _pass_lines(lean: Lean) -> list[str]:
    """The passes' table, and the verdict of a record of silence."""
    lines = ["", "passes, on the same decisions", pass_table(lean.rows)] if lean.rows else []
    return [*lines, "", f"recorded silence: {_silence(lean.recorded)}"] if lean.recorded else lines


def _silence(recorded: Recorded) -> str:
    silence, held_out = recorded.silence, recorded.held_out
    if not silence.neurons:
        return f"no neuron was found that kept silent in {silence.decisions} decisions, so none goes"
    return (
        f"{silence.neurons} neurons never fired in {silence.decisions} decisions; in {held_out.episodes} other "
        f"episodes ({held_out.decisions} decisions) they fire {held_out.would_have_fired} times, and "
        f"{held_out.different} actions differ without them: {'applied' if recorded.applied else 'not applied'}"
    )
