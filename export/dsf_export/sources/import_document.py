"""An import's warnings, and all of it as one document of plain values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dsf_export.sources.imported import Imported


def import_document(imported: Imported) -> dict[str, Any]:
    """An import as plain values."""
    return {
        "network": imported.network.name,
        "conventions": dict(imported.network.origin),
        "notes": list(imported.network.notes),
        "calibration": imported.calibration,
        "stages": [asdict(row) for row in imported.rows],
        "layers": [asdict(layer) for layer in imported.layers],
        "membrane_error": imported.membrane_error,
        "warnings": warnings_of(imported),
    }


def warnings_of(imported: Imported) -> list[str]:
    """Sentences about what the comparison cannot show, and about states that reached a limit of the integers."""
    warnings = _silence(imported)
    warnings += [
        f"warning: neurons of {name} may fire several spikes in a time step and none did on the calibration; the "
        "program's fire one, so an input that asks for more is another network's (multispike=false says it is meant)"
        for name, layer in imported.network.neurons.items()
        if layer.multispike
    ]
    warnings += [
        f"warning: v of {layer.layer} reached the end of its 24 bits, where integers saturate and the float network "
        "goes on"
        for layer in imported.layers
        if layer.voltage >= 1
    ]
    warnings += [
        f"warning: {layer.layer} is brought more than 21 bits in a step, which wraps on Loihi 1"
        for layer in imported.layers
        if layer.arriving >= 1 and imported.chip.is_portable
    ]
    return warnings


def _silence(imported: Imported) -> list[str]:
    """Warnings of a comparison in which nothing, or no output, fired."""
    if not any(layer.fires for layer in imported.network.neurons.values()):
        return ["warning: the network has no neurons that fire, so no spikes were compared, only its membranes"]
    outputs = {output.node for output in imported.program.outputs if output.quantity == "spikes"}
    if imported.rows[0].spikes:
        is_silent = outputs and not any(layer.spikes for layer in imported.layers if layer.layer in outputs)
        text = "warning: no output fired on the calibration, so no classes were compared: each is the first"
        return [text] if is_silent else []
    return [
        "warning: no neuron fired on the calibration, so nothing was compared: give calibration=FILE.npz of samples on "
        "which neurons fire, or look at dt= and from=, by which they may get too little"
    ]
