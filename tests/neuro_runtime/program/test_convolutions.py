"""Convolutions in a program: kept once in its file, and the synapses that PyTorch's convolution has."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from dsf_common.errors import UserError
from neuro_runtime.chip_network import chip_network
from neuro_runtime.program import load_spiking_program, program_hash, save_program, validate
from neuro_runtime.program.kernel import Kernel
from neuro_runtime.program.nodes import Convolution, Lif, SpikeInput
from neuro_runtime.program.sample import SampleEncoder, SampleOutput, SampleProgram
from neuro_runtime.program.sample_run import run_sample
from neuro_runtime.program.wire import program_to_wire
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.loihi_fast import LoihiFast
from support.small_sample_programs import random_sample_program


def random_kernel(seed: int) -> Kernel:
    """A kernel over one or two axes, of any geometry that has a window."""
    random = np.random.default_rng(seed)
    while True:
        axes, groups = int(random.integers(1, 3)), int(random.integers(1, 4))
        ins, outs = (int(random.integers(1, 3)) for _ in range(2))
        lengths, taps, stride, padding, dilation = (
            tuple(random.integers(low, high, axes).tolist()) for low, high in ((3, 9), (1, 4), (1, 4), (0, 3), (1, 3))
        )
        weight = (2 * random.integers(-40, 41, (outs * groups, ins, *taps))).astype(np.int32)
        kernel = Kernel(weight, (ins * groups, *lengths), stride, padding, dilation, groups)
        try:
            assert kernel.output_shape
        except UserError:
            continue
        return kernel


def program_of(kernel: Kernel, **changes: Any) -> SampleProgram:
    """Spikes through one convolution into a layer of neurons."""
    neurons = math.prod(kernel.output_shape)
    given: dict[str, Any] = {**vars(kernel), "source": "input", "target": "output", "delay": 1, "exponent": -1}
    return SampleProgram(
        arithmetic="loihi",
        active_steps=20,
        period=20,
        nodes=(SpikeInput("input", math.prod(kernel.shape)), Lif("output", neurons, 4095, 400, 30)),
        connections=(Convolution(**given | changes),),
        encoder=SampleEncoder("spikes", kernel.shape),
        outputs=(SampleOutput("output", "spikes", np.arange(neurons, dtype=np.int32), 2),),
        output_shape=(neurons,),
        name="convolution",
    )


@pytest.mark.parametrize("seed", range(20))
def test_synapses_are_those_of_pytorch(seed: int) -> None:
    kernel = random_kernel(seed)
    source, target, weight = kernel.synapses()
    given = np.random.default_rng(seed).integers(0, 3, kernel.shape)
    arrived = np.bincount(target, weight * given.reshape(-1)[source], math.prod(kernel.output_shape))
    convolve = functional.conv1d if len(kernel.stride) == 1 else functional.conv2d
    geometry = kernel.stride, kernel.padding, kernel.dilation, kernel.groups
    wanted = convolve(torch.tensor(given[None]).double(), torch.tensor(kernel.weight).double(), None, *geometry)[0]
    assert tuple(wanted.shape) == kernel.output_shape
    assert np.array_equal(arrived, wanted.numpy().reshape(-1))
    assert (weight != 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_convolution_runs_and_is_placed_as_the_list_that_it_stands_for(seed: int) -> None:
    program = program_of(random_kernel(seed))
    listed = replace(program, connections=tuple(program.unfolded))
    sample = np.random.default_rng(seed).random((15, *program.encoder.shape)) < 0.4
    spikes = [
        run_sample(each, simulator(each), sample).recording.spikes["output"]
        for each in (program, listed)
        for simulator in (Interpreter, LoihiFast)
    ]
    assert spikes[0].any()
    assert all(np.array_equal(each, spikes[0]) for each in spikes)
    one, other = (chip_network(each).projections[0].synapses for each in (program, listed))
    assert np.array_equal(one.source_index, other.source_index)
    assert np.array_equal(one.target_index, other.target_index)
    assert one.formats == other.formats


def test_a_file_holds_the_weights_once(tmp_path: Path) -> None:
    weight = (2 * np.random.default_rng(0).integers(-100, 101, (8, 4, 3, 3))).astype(np.int32)
    program = program_of(Kernel(weight, (4, 24, 24), (1, 1), (1, 1), (1, 1), 1))
    listed = replace(program, connections=tuple(program.unfolded))
    files = tmp_path / "kept.dsf.h5", tmp_path / "listed.dsf.h5"
    for each, path in zip((program, listed), files, strict=True):
        save_program(each, path)
    read = load_spiking_program(files[0])
    (connection,) = read.connections
    assert isinstance(connection, Convolution)
    assert connection.shape == (4, 24, 24)
    assert connection.padding == (1, 1)
    assert program_hash(read) == program_hash(program)
    assert files[0].stat().st_size < files[1].stat().st_size / 4


def test_only_a_file_with_a_convolution_is_of_the_new_format() -> None:
    assert '"version": 7' in program_to_wire(program_of(random_kernel(0)))[0]
    assert '"version": 4' in program_to_wire(random_sample_program(0, 5, values=False))[0]


def without_channel(connection: Convolution) -> Convolution:
    return replace(connection, weight=connection.weight[:, :0])


def with_half_a_stride(connection: Convolution) -> Convolution:
    stride: Any = (1.5, 1)
    return replace(connection, stride=stride)


WRONG: dict[str, tuple[Callable[[Convolution], Convolution], str]] = {
    "a channel too few": (without_channel, "does not fit"),
    "another shape": (lambda item: replace(item, shape=(*item.shape[:-1], item.shape[-1] + 7)), "does not fit"),
    "no stride": (lambda item: replace(item, stride=(0, 0)), "does not fit"),
    "padding below 0": (lambda item: replace(item, padding=(-1, 0)), "does not fit"),
    "one number for two axes": (lambda item: replace(item, dilation=(1,)), "does not fit"),
    "a window larger than the input": (lambda item: replace(item, dilation=(50, 50)), "does not fit"),
    "half a stride": (with_half_a_stride, "not whole"),
    "an odd weight": (lambda item: replace(item, weight=item.weight + 1), "odd weight"),
    "10^12 synapses": (lambda item: replace(item, padding=(10**6, 10**6)), "more than 200,000,000"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_convolution_that_does_not_fit_is_refused_before_it_is_unfolded(what: str) -> None:
    change, words = WRONG[what]
    program = program_of(Kernel(np.full((2, 1, 3, 3), 2, np.int32), (1, 8, 8), (1, 1), (0, 0), (1, 1), 1))
    (connection,) = program.connections
    assert isinstance(connection, Convolution)
    changed = replace(program, connections=(change(connection),))
    tracemalloc.start()
    with pytest.raises(UserError, match=words):
        validate(changed)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
