"""A loihi program as an ONNX file, and back.

The weights of dense synapses and the host's are in the graph alone, under the names that a program's arrays have; the
header and what the graph holds in another form are in the metadata. Reading makes the graph anew from these and
compares the two, so that nothing of the file can differ from its program unseen.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from dsf_common.errors import UserError
from dsf_common.files import atomic_write, require_readable
from dsf_export.targets.onnx.host import token_scale
from dsf_export.targets.onnx.loihi_arithmetic import HALVED
from dsf_export.targets.onnx.metadata import ARRAYS, FORM, HASH, HEADER, INTEGER_FORM, described
from dsf_export.targets.onnx.program_model import program_model
from neuro_runtime.program import Program, program_from_wire, program_hash, program_to_wire, validate
from neuro_runtime.program.provenance import protocol_of
from neuro_runtime.program.storage import content_hash
from neuro_runtime.program.wire import Arrays

LARGEST_MESSAGE = 2**31 - 1  # bytes of a message of protobuf


def write(program: Program, path: Path) -> None:
    """Write a loihi program as an ONNX file, atomically.

    Raises
    ------
    UserError
        The program is not in loihi arithmetic, or too large for one file.
    """
    if program.arithmetic != "loihi":
        raise UserError(
            f"this target holds programs in loihi arithmetic, this one is in {program.arithmetic}: export a model.pt"
        )
    write_model(_model(program), path)


def write_model(model: onnx.ModelProto, path: Path) -> None:
    """Write a model as one file, atomically.

    Raises
    ------
    UserError
        It is larger than one file can be.
    """
    if model.ByteSize() > LARGEST_MESSAGE:
        raise UserError(f"{path} would have more than 2 GB, which one ONNX file cannot hold: choose a smaller model")
    with atomic_write(path) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))


def read(path: Path) -> Program:
    """The program in an ONNX file that :func:`write` made.

    Raises
    ------
    UserError
        The file is missing, damaged or not ONNX, another tool's, of another form, or changed.
    """
    model = read_model(path)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if metadata.get(FORM) != INTEGER_FORM or HEADER not in metadata or ARRAYS not in metadata:
        form = metadata.get(FORM)
        what = f"of the form '{form}'" if form else "no file of dsf-export"
        raise UserError(
            f"{path} is {what}, and of ONNX files a policy's '{INTEGER_FORM}' alone is read back: begin with the file "
            "that it was made of"
        )
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise UserError(f"{path} keeps weights in another file, which is not read; export it again as one file")
    try:
        program = program_from_wire(metadata[HEADER], _stored_arrays(model, metadata[ARRAYS]))
        validate(program)
    except UserError as problem:
        raise UserError(f"{path}: {problem}") from problem
    except (ValueError, TypeError, KeyError, binascii.Error) as problem:
        raise UserError(f"{path} is damaged: its arrays are not those of its header; export it again") from problem
    if metadata.get(HASH) != program_hash(program) or _bytes(model.graph) != _bytes(_model(program).graph):
        raise UserError(f"{path} was changed since dsf-export wrote it, or is damaged; export it again")
    return program


def read_model(path: Path) -> onnx.ModelProto:
    """An ONNX file as it is; other files that it names are not opened.

    Raises
    ------
    UserError
        It is missing, or not ONNX.
    """
    require_readable(path, f"there is no ONNX file {path}; make one with `dsf-export model.pt --target onnx`")
    try:
        return onnx.load_model(path, load_external_data=False)
    except Exception as problem:  # protobuf has errors of its own, which are of no common kind
        raise UserError(f"{path} is not a readable ONNX file (damaged, cut short or of another kind)") from problem


def _model(program: Program) -> onnx.ModelProto:
    header, arrays = program_to_wire(program)
    about = described(
        INTEGER_FORM, program.environment, protocol_of(program), token_scale(program.encoder), program.provenance
    )
    model = program_model(program, about | {HEADER: header, HASH: content_hash(header, arrays)})
    in_graph = {tensor.name for tensor in model.graph.initializer}
    rest = {name: _text(array) for name, array in arrays.items() if name not in in_graph}
    entry = model.metadata_props.add()
    entry.key, entry.value = ARRAYS, json.dumps(rest)
    return model


def _stored_arrays(model: onnx.ModelProto, text: str) -> Arrays:
    arrays: Arrays = {name: _array(stored) for name, stored in json.loads(text).items()}
    for tensor in model.graph.initializer:
        if tensor.name.startswith("connections/"):
            arrays[tensor.name] = numpy_helper.to_array(tensor).T.astype(np.int64) << HALVED
        elif "/" in tensor.name:
            arrays[tensor.name] = numpy_helper.to_array(tensor)
    return arrays


def _text(array: NDArray[Any]) -> Mapping[str, Any]:
    """An array in JSON."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {"type": little.dtype.str, "shape": list(array.shape), "base64": base64.b64encode(little.tobytes()).decode()}


def _array(stored: Mapping[str, Any]) -> NDArray[Any]:
    dtype = np.dtype(str(stored["type"]))
    if dtype.kind not in "if":
        raise ValueError(f"numbers of type {dtype}")
    return np.frombuffer(base64.b64decode(stored["base64"], validate=True), dtype).reshape(stored["shape"])


def _bytes(graph: onnx.GraphProto) -> bytes:
    content: bytes = graph.SerializeToString(deterministic=True)
    return content
