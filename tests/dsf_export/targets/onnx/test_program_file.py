"""Integer programs in ONNX files, and what is refused in their place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from dsf_common.errors import UserError
from dsf_export.targets import TARGETS
from dsf_export.targets.onnx.program_file import read, write
from neuro_runtime.program import program_hash
from support.small_policies import lowered, pssa_policy, quantised


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "program.onnx"
    write(quantised(pssa_policy()), path)
    return path


def test_a_program_is_read_back_as_it_was_written(file: Path) -> None:
    assert program_hash(read(file)) == program_hash(quantised(pssa_policy()))


def test_the_file_says_how_its_policy_is_run(file: Path) -> None:
    model = onnx.load_model(file)
    about = {entry.key.removeprefix("decision_spikeformer."): entry.value for entry in model.metadata_props}
    program = quantised(pssa_policy())
    assert about["form"] == "integer program, one token a call"
    assert json.loads(about["normalisation"])["state_mean"] == program.encoder.state_mean.tolist()
    assert set(json.loads(about["protocol"])) >= {"action_low", "action_high", "input_clip", "return_target"}
    assert json.loads(about["provenance"]) == dict(program.provenance)


def test_a_program_in_float_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="this one is in float"):
        write(lowered(pssa_policy())[1], tmp_path / "program.onnx")


def changed_weight(model: onnx.ModelProto) -> None:
    (tensor, *_) = (item for item in model.graph.initializer if item.name.startswith("connections/"))
    values = numpy_helper.to_array(tensor).copy()
    values[0, 0] += 1 if values[0, 0] < 0 else -1
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def changed_operator(model: onnx.ModelProto) -> None:
    next(node for node in model.graph.node if node.op_type == "Greater").op_type = "GreaterOrEqual"


def without_metadata(model: onnx.ModelProto) -> None:
    del model.metadata_props[:]


def of_another_form(model: onnx.ModelProto) -> None:
    next(entry for entry in model.metadata_props if entry.key.endswith("form")).value = "float32, one token a call"


def with_huge_array(model: onnx.ModelProto) -> None:
    entry = next(entry for entry in model.metadata_props if entry.key.endswith("arrays"))
    arrays = json.loads(entry.value)
    next(iter(arrays.values()))["shape"] = [10**12]
    entry.value = json.dumps(arrays)


def with_huge_weight(model: onnx.ModelProto) -> None:
    (tensor, *_) = (item for item in model.graph.initializer if item.name.startswith("connections/"))
    tensor.dims[:] = [10**6, 10**6]


def with_weights_elsewhere(model: onnx.ModelProto) -> None:
    (tensor, *_) = (item for item in model.graph.initializer if item.name.startswith("connections/"))
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (changed_weight, "was changed since dsf-export wrote it"),
        (changed_operator, "was changed since dsf-export wrote it"),
        (without_metadata, "no file of dsf-export"),
        (
            of_another_form,
            "is of the form 'float32, one token a call', and .* 'integer program, one token a call' alone",
        ),
        (with_huge_array, "its arrays are not those of its header"),
        (with_huge_weight, "its arrays are not those of its header"),
        (with_weights_elsewhere, "keeps weights in another file"),
    ],
)
def test_a_changed_file_is_refused(
    change: Callable[[onnx.ModelProto], None], sentence: str, file: Path, tmp_path: Path
) -> None:
    model = onnx.load_model(file)
    change(model)
    path = tmp_path / "changed.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match=sentence) as refusal:
        read(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"not ONNX", np.random.default_rng(0).bytes(400)])
def test_what_is_not_onnx_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "program"
    path.write_bytes(content)
    with pytest.raises(UserError, match="program is"):
        read(path)


def test_the_target_is_imported_when_it_is_used(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no ONNX file"):
        TARGETS["onnx"].read(tmp_path / "absent.onnx")
