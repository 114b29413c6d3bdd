"""Files that claim, lie, or hold what no chip has: one sentence, status 2, and no memory for what they claim."""

from __future__ import annotations

import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dsf_export.command_export import main
from support.small_netx import dense, write_netx
from support.small_nir import affine, cuba, ends, lif, write_graph

CHAIN = [("input", "fc"), ("fc", "lif"), ("lif", "output")]


def chain(path: Path, **nodes: Any) -> Path:
    """input -> fc -> lif -> output, some of them exchanged."""
    return write_graph(path, ends([5], [4]) | {"fc": affine(4, 5, 1, 2.0), "lif": lif(4)} | nodes, CHAIN)


def changed(change: Callable[[Any], None]) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        chain(path)
        with h5py.File(path, "r+") as file:
            change(file["node"])
        return path

    return make


def with_node(name: str, kind: str, **parameters: Any) -> Callable[[Path], Path]:
    return lambda path: chain(path, **{name: (kind, parameters)})


def with_lif(**changes: Any) -> Callable[[Path], Path]:
    return lambda path: chain(path, lif=lif(4, **changes))


def replaced(where: str, value: Any) -> Callable[[Path], Path]:
    def change(node: Any) -> None:
        del node[where]
        node[where] = value

    return changed(change)


def claims(where: str, shape: tuple[int, ...]) -> Callable[[Path], Path]:
    def change(node: Any) -> None:
        del node[where]
        node.create_dataset(where, shape=shape, dtype="f4", chunks=tuple(min(length, 64) for length in shape))

    return changed(change)


def cut(path: Path) -> Path:
    content = chain(path).read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    return path


def pickled(path: Path) -> Path:
    path.write_bytes(pickle.dumps({"weight": [1.0]}))
    return path


def linked(path: Path) -> Path:
    def change(node: Any) -> None:
        del node["nodes/fc/weight"]
        node["nodes/fc/weight"] = h5py.ExternalLink("/etc/passwd", "/node")

    return changed(change)(path)


def edges(*pairs: tuple[str, str]) -> Callable[[Path], Path]:
    return lambda path: write_graph(path, ends([5], [4]) | {"fc": affine(4, 5, 1), "lif": lif(4)}, pairs)


def two_layer_loop(path: Path) -> Path:
    nodes = ends([4], [4]) | {"a": lif(4), "b": lif(4), "w": affine(4, 4, 1)}
    return write_graph(path, nodes, [("input", "a"), ("a", "w"), ("w", "b"), ("b", "a"), ("b", "output")])


def membrane_feeds(path: Path) -> Path:
    li = ("LI", {"tau": np.full(4, 1e-3), "r": np.full(4, 10.0), "v_leak": np.zeros(4)})
    nodes = ends([4], [4]) | {"li": li, "w": affine(4, 4, 1), "lif": lif(4)}
    return write_graph(path, nodes, [("input", "li"), ("li", "w"), ("w", "lif"), ("lif", "output")])


def biased_delay(path: Path) -> Path:
    nodes = ends([5], [4]) | {"fc": affine(4, 5, 1), "late": ("Delay", {"delay": np.full(4, 2e-4)}), "lif": lif(4)}
    return write_graph(path, nodes, [("input", "fc"), ("fc", "late"), ("late", "lif"), ("lif", "output")])


def output_alone(path: Path) -> Path:
    """As NIR's own constructor completes a graph without an edge to its output."""
    nodes = ends([5], [4]) | {"fc": affine(4, 5, 1), "lif": lif(4)}
    nodes |= {"input_output": ("Input", {"shape": np.array([4])}), "output_lif": ("Output", {"shape": np.array([4])})}
    edges = [*CHAIN[:2], ("input_output", "output"), ("lif", "output_lif")]
    return write_graph(path, nodes, edges)


def deep(path: Path) -> Path:
    inner: Any = {"nodes": ends([4], [4]) | {"lif": lif(4)}, "edges": [("input", "lif"), ("lif", "output")]}
    for _ in range(10):
        nodes = ends([4], [4]) | {"inner": ("NIRGraph", inner)}
        inner = {"nodes": nodes, "edges": [("input", "inner"), ("inner", "output")]}
    return write_graph(path, inner["nodes"], inner["edges"])


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "cut short": (cut, "damaged or cut short"),
    "a pickle": (pickled, "not"),
    "a link to another file": (linked, "a link that leads nowhere"),
    "weights of 10^12": (claims("nodes/fc/weight", (10**6, 10**6)), "claims the shape (1000000, 1000000)"),
    "edges of 10^9": (claims("edges", (10**9, 2)), "no table of names"),
    "text for weights": (replaced("nodes/fc/weight", "many"), "no array of numbers"),
    "not finite": (replaced("nodes/fc/weight", np.full((4, 5), np.nan)), "not finite"),
    "no weights": (changed(lambda node: node["nodes/fc"].pop("weight")), "fc, a Affine, has no weight"),
    "no type": (changed(lambda node: node["nodes/fc"].pop("type")), "fc is no node"),
    "no nodes": (changed(lambda node: node.pop("nodes")), "has no nodes"),
    "no edges": (changed(lambda node: node.pop("edges")), "has no edges"),
    "three in an edge": (replaced("edges", np.array([["a", "b", "c"]], dtype=object)), "no pairs of names"),
    "an unknown kind": (with_node("fc", "Attention", weight=np.ones(3)), "fc is a Attention, which is not covered"),
    "a product": (with_node("fc", "Multiply"), "which is not covered"),
    "an unknown edge": (edges(("input", "fc"), ("fc", "lif"), ("x", "y"), ("lif", "output")), "x -> y"),
    "nothing leads there": (edges(("input", "fc"), ("fc", "output"), ("lif", "lif")), "nothing leads"),
    "two inputs": (with_node("more", "Input", shape=np.array([5])), "2 nodes of kind Input (input, more)"),
    "an output alone": (output_alone, "no layer leads to output, the output, only input_output, an input"),
    "no output": (changed(lambda node: node["nodes"].pop("output")), "output"),
    "an input of 0": (replaced("nodes/input/shape", np.array([0])), "has the shape (0,)"),
    "a misfit": (with_node("fc", "Linear", weight=np.ones((4, 7), np.float32)), "do not take an input of"),
    "a bias that misfits": (with_node("fc", "Affine", weight=np.ones((4, 5)), bias=np.ones(3)), "a bias of 3"),
    "weights of three axes": (with_node("fc", "Linear", weight=np.ones((4, 5, 2))), "a matrix is covered"),
    "tau infinite": (with_lif(tau=np.full(4, np.inf)), "lif, a LIF: a time constant is infinite"),
    "tau 0": (with_lif(tau=np.zeros(4)), "lif, a LIF: a time constant of 0 is not positive"),
    "tau negative": (with_lif(tau=np.full(4, -1e-3)), "is not positive"),
    "tau below dt": (with_lif(tau=np.full(4, 1e-5)), "is below the time step"),
    "a threshold of 0": (with_lif(v_threshold=np.zeros(4)), "is not above its reset"),
    "a v_reset": (with_lif(v_reset=np.full(4, 0.3)), "does not say at which v a sample begins"),
    "parameters that misfit": (lambda path: chain(path, lif=lif(6)), "its parameters have the shape (6,)"),
    "a negative delay": (
        lambda path: write_graph(
            path,
            ends([4], [4]) | {"late": ("Delay", {"delay": np.full(4, -1e-3)}), "lif": lif(4)},
            [("input", "late"), ("late", "lif"), ("lif", "output")],
        ),
        "a delay of -0.001 is negative",
    ),
    "a delayed bias": (biased_delay, "late delays a bias"),
    "a loop of two layers": (two_layer_loop, "more hops than time steps"),
    "a membrane that feeds": (membrane_feeds, "li does not fire and feeds"),
    "nested too deep": (deep, "nested more than 8 deep"),
    "subtraction with a current": (
        lambda path: chain(path, lif=cuba(4)),
        "REFUSED WITH reset=subtract: has a synaptic current and resets by subtraction",
    ),
    "a large sum": (
        with_node("fc", "Linear", weight=np.full((4, 5), 1e7, np.float32)),
        "more than a chip's integers hold",
    ),
    "a netx without layers": (lambda path: write_netx(path, []), "neither a program, a NIR graph nor a netx"),
    "a netx with a gap": (
        lambda path: _without(write_netx(path, [dense(4, 5, 1), dense(4, 4, 1), dense(4, 4, 1)]), "layer/1"),
        "is missing",
    ),
    "a netx that claims": (lambda path: _claiming(write_netx(path, [dense(4, 5, 1)])), "claims the shape"),
    "a kernel of two axes": (
        with_node(
            "fc",
            "Conv2d",
            weight=np.ones((4, 5)),
            stride=np.ones(2, int),
            padding=np.zeros(2, int),
            dilation=np.ones(2, int),
            groups=1,
            bias=np.zeros(4),
        ),
        "where 4 dimensions are covered",
    ),
}


def _without(path: Path, name: str) -> Path:
    with h5py.File(path, "r+") as file:
        del file[name]
    return path


def _claiming(path: Path) -> Path:
    with h5py.File(path, "r+") as file:
        del file["layer/0/weight"]
        file.create_dataset("layer/0/weight", shape=(10**6, 10**6), dtype="f4", chunks=(64, 64))
    return path


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_sentence(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, message = BAD[name]
    reset = "subtract" if "reset=subtract" in message else "zero"
    path, output = make(tmp_path / "network.nir"), tmp_path / "out.dsf.h5"
    tracemalloc.start()
    unsaid = [] if "a netx" in name else ["dt=1e-4", f"reset={reset}"]  # a netx file says these itself
    status = main([str(path), "--target", "lava", "--output", str(output), "compare=gt", *unsaid])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    error = capsys.readouterr().err
    assert status == 2
    assert not output.exists()
    assert error.count("\n") == 1
    assert "Traceback" not in error
    assert any(each in error for each in message.removeprefix("REFUSED WITH reset=subtract: ").split("|"))
    assert peak < 200 << 20


CALLS: dict[str, tuple[list[str], str]] = {
    "a reader": (["--for", "norse"], "--for names a reader of NIR files, and the target is lava"),
    "decisions": (["--decisions", "5"], "--decisions is for policies"),
    "passes": (["--passes", "all"], "--passes is for policies"),
    "resets": (["--resets"], "--resets is for policies"),
    "a word for a number": (["dt=zero"], "cannot set dt to 'zero': it takes a number"),
    "a framework by another key": (["framework=norse"], "unknown key 'framework': here it is from"),
    "no framework": (["from="], "from= has no value; give one, or leave it out"),
    "an option of sinabs": (["norm_input=true"], "norm_input= is for networks that sinabs wrote"),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_option_that_says_nothing_here_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, message = CALLS[name]
    path, output = chain(tmp_path / "network.nir"), tmp_path / "out.dsf.h5"
    call = [str(path), "--target", "lava", "--output", str(output), "dt=1e-4", "reset=zero", "compare=gt"]
    assert main([*call, *words]) == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_forty_files_are_tried() -> None:
    assert len(BAD) >= 40
