"""The ONNX file of a network that came from another framework, checked in ONNX Runtime before it is left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import GateFailed
from dsf_common.files import atomic_write
from dsf_export.namespace import NAMESPACE
from dsf_export.sources.quantise_network import simulator_of
from dsf_export.sources.stage_rows import StageRow, class_of
from dsf_export.targets.onnx.metadata import FORM, HASH
from dsf_export.targets.onnx.program_file import write_model
from dsf_export.targets.onnx.sample_model import sample_model
from dsf_export.targets.onnx.sample_session import OnnxSamples
from neuro_runtime.program import SampleProgram, program_hash
from neuro_runtime.program.sample_run import outputs_of, run_sample

SAMPLE_FORM = "integer program, one time step a call"
Samples = Sequence[NDArray[Any]]


def write_checked(program: SampleProgram, samples: Samples, path: Path) -> StageRow:
    """Write a loihi program as an ONNX file, atomically, run by ONNX Runtime on ``samples``.

    Raises
    ------
    GateFailed
        A spike or a membrane differs from the interpreter's; no file is left.
    """
    about = {
        FORM: SAMPLE_FORM,
        HASH: program_hash(program),
        f"{NAMESPACE}.name": program.name,
        f"{NAMESPACE}.latency": str(program.latency),
        f"{NAMESPACE}.provenance": json.dumps(dict(program.provenance), sort_keys=True),
    }
    with atomic_write(path) as temporary:
        write_model(sample_model(program, about), temporary)
        row = row_of(program, samples, temporary)
        if row.different:
            raise GateFailed(f"ONNX Runtime differs from the program in {row.different} places; no file is left")
    return row


def row_of(program: SampleProgram, samples: Samples, file: Path) -> StageRow:
    """A file beside the program it was made of: all neurons' spikes and the output, while samples come in."""
    session = OnnxSamples(program, file)
    spikes = compared = different = same = 0
    for sample in samples:
        timed = program.for_steps(len(sample) + program.latency)
        ours = run_sample(timed, simulator_of(timed), sample)
        output, theirs = session.run(sample)
        wanted = outputs_of(timed, ours.recording, len(sample), late=True)
        pairs = [(ours.recording.spikes[name][: len(sample)], raster) for name, raster in theirs.items()]
        spikes += sum(int(np.count_nonzero(raster)) for _, raster in pairs)
        compared += sum(raster.size for _, raster in pairs) + output.size
        different += sum(int(np.count_nonzero(one != two)) for one, two in (*pairs, (wanted, output)))
        same += class_of(wanted) == class_of(output)
    return StageRow("integers in ONNX Runtime", spikes, compared, different, same, len(samples))
