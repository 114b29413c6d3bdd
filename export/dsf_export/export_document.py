"""An export as one document of plain values, for JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from dsf_export.layer_report import LayerReport
from dsf_export.network_export import Network
from dsf_export.optimise.lean_candidate import Lean, Recorded
from dsf_export.parity import Parity
from dsf_export.program_file import files_of
from dsf_export.targets import Target
from neuro_runtime.program import program_hash
from neuro_runtime.program.provenance import protocol_of


def program_document(
    lean: Lean, parity: Parity, target: Target, output: Path, plot: Path | None = None
) -> dict[str, Any]:
    """The program, its layers in each weight format, its parity, and its passes; ``plot`` is of several formats."""
    candidate, program = lean.candidate, lean.candidate.program
    return {
        "target": target.name,
        "output": str(output),
        "files": [str(file) for file in files_of(candidate, target, output)],
        "program": {
            "sha256": program_hash(program),
            "environment": program.environment,
            "active_steps": program.active_steps,
            "period": program.period,
            "protocol": protocol_of(program).document(),
            "provenance": dict(program.provenance),
        },
        "layers": [_layer(layer) for layer in candidate.layers],
        "formats": [
            {
                **asdict(quantised.weight_format),
                "action_error": quantised.action_error,
                "layers": [_layer(layer) for layer in quantised.layers],
            }
            for quantised in candidate.formats
        ],
        "plot": str(plot) if plot else None,
        "warnings": candidate.warnings,
        "parity": _parity(parity),
        "passes": [asdict(row) for row in lean.rows],
        "recorded_silence": _recorded(lean.recorded),
    }


def network_document(network: Network, parity: Parity) -> dict[str, Any]:
    """A model without a program, and the parity of its files."""
    return {
        "target": network.target.name,
        "output": str(network.output),
        "files": [str(file) for file in network.files],
        "network": {
            "kind": network.policy.model.config.kind.value,
            "environment": network.policy.environment,
            "protocol": network.policy.protocol.document(),
            "provenance": network.provenance,
        },
        "parity": _parity(parity),
    }


def _parity(parity: Parity) -> dict[str, Any]:
    return {
        "decisions": parity.recording.decisions,
        "origin": parity.recording.origin,
        "rows": [asdict(row) for row in parity.rows],
    }


def _layer(layer: LayerReport) -> dict[str, Any]:
    document = asdict(layer)
    document["headroom"] = {
        "current": layer.headroom.current,
        "voltage": layer.headroom.voltage,
        "bits": layer.headroom.bits,
        "arriving": layer.headroom.arriving,
        "arrival_bits": layer.headroom.arrival_bits,
    }
    return document


def _recorded(recorded: Recorded | None) -> dict[str, Any] | None:
    if recorded is None:
        return None
    return {
        "neurons": recorded.silence.neurons,
        "decisions": recorded.silence.decisions,
        "held_out": asdict(recorded.held_out),
        "applied": recorded.applied,
    }
