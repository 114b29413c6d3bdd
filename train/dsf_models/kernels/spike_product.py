"""Products of spikes with weights by tables of sums, in half of the time that dense ones take.

A row of a product with spikes is a sum of some rows of a matrix, and four spikes can choose among 16 sums only:

    ``Y[n] = b + Σ_k S[n, k]·Wᵀ[k] = b + Σ_g T_g[code(S[n, 4g … 4g + 3])]``,  ``T_g[code] = Σ_m bit_m(code)·Wᵀ[4g + m]``

Adding up entries takes a quarter of a dense product's steps, however many spikes there are, and what is added are the
same numbers in their full precision. The gradient of the weights is the other way round: there the tables are of four
rows of ∂Y, as ``∂Wᵀ[k] = Σ_n S[n, k]·∂Y[n]``. (The "method of four Russians", Arlazarov et al. 1970.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numba import prange
from numpy.typing import NDArray
from torch import Tensor

from dsf_models.kernels.batch_moments import Moments, moments_about
from dsf_models.kernels.lif import FIRED, PackedSpikes
from dsf_models.kernels.parallel import Array, as_array, compiled, parallel, run_chunks
from dsf_models.kernels.vector_instructions import BLOCK, ENTRIES, LOOKUPS, SPIKES, add_table_entries, write_table

Codes = NDArray[np.uint8]

_GROUP = SPIKES * LOOKUPS  # rows or channels whose tables are used at once
_ROWS = 256  # rows of a product that pass by while these tables are in the cache


class SpikeCodes(NamedTuple):
    """Spikes (rows, channels), four to a number, both ways.

    Attributes
    ----------
    across
        (rows, channels / 4): the spikes of four channels.
    down
        (rows / 4, channels): the spikes of four rows; zero beyond the last, up to a multiple of 32 rows.
    """

    across: Codes
    down: Codes


def fits(weight: Tensor) -> bool:
    """Whether a weight (outputs, inputs) has whole blocks of both."""
    outputs, inputs = weight.shape
    return outputs % BLOCK == 0 and inputs % _GROUP == 0


def encode(packed: PackedSpikes) -> SpikeCodes:
    """The codes of the spikes in ``packed`` (..., channels), in rows."""
    rows = packed.reshape(-1, packed.shape[-1])
    groups = -(-len(rows) // _GROUP)
    across = np.empty((len(rows), rows.shape[1] // SPIKES), np.uint8)
    down = np.empty((groups * LOOKUPS, rows.shape[1]), np.uint8)
    run_chunks(_encode, groups, rows.size, rows, across, down)
    return SpikeCodes(across, down)


def product(codes: SpikeCodes, weight: Tensor, bias: Tensor) -> tuple[Array, Moments]:
    """``S weightᵀ + bias``, (rows, outputs), of a weight (outputs, inputs), and its moments, taken in passing."""
    outputs, inputs = weight.shape
    tables = _empty((outputs // BLOCK, inputs // SPIKES, ENTRIES, BLOCK), weight)
    sums = as_array(_empty((len(codes.across), outputs), weight))
    run_chunks(_make_tables, outputs // BLOCK, weight.numel(), as_array(weight.t()), as_array(tables))
    chunks = -(-len(sums) // _ROWS)
    partial = np.empty((chunks, 2, outputs), sums.dtype)
    run_chunks(_add_up, chunks, sums.size, codes.across, as_array(tables), as_array(bias), sums, partial)
    return sums, moments_about(sums[0], partial, len(sums))


def grad_weight(codes: SpikeCodes, grad_outputs: Tensor) -> Tensor:
    """``∂W = ∂Yᵀ S``, (outputs, inputs), of ∂Y (..., outputs)."""
    grad = as_array(grad_outputs).reshape(-1, grad_outputs.shape[-1])
    blocks, inputs = grad.shape[1] // BLOCK, codes.down.shape[1]
    tables = _empty((blocks, LOOKUPS, ENTRIES, BLOCK), grad_outputs)
    sums = _empty((blocks, inputs, BLOCK), grad_outputs)  # a thread's own stand together
    run_chunks(_add_up_rows, blocks, grad.size, codes.down, grad, as_array(tables), as_array(sums))
    return sums.transpose(1, 2).reshape(grad.shape[1], inputs)


def _empty(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """PyTorch's memory begins on a cache line, so that no vector lies on two."""
    return torch.empty(shape, dtype=like.dtype)


@parallel
def _encode(chunks: int, packed: PackedSpikes, across: Codes, down: Codes) -> None:
    count, channels = packed.shape
    for chunk in prange(chunks):
        for n in range(chunk * _GROUP, min((chunk + 1) * _GROUP, count)):
            row, codes = packed[n], across[n]
            for g in range(channels // SPIKES):
                codes[g] = _code(row[4 * g], row[4 * g + 1], row[4 * g + 2], row[4 * g + 3])
        for quad in range(chunk * LOOKUPS, (chunk + 1) * LOOKUPS):
            n, codes = quad * SPIKES, down[quad]
            if n + SPIKES <= count:
                one, two, three, four = packed[n], packed[n + 1], packed[n + 2], packed[n + 3]
                for k in range(channels):
                    codes[k] = _code(one[k], two[k], three[k], four[k])
            else:
                for k in range(channels):
                    codes[k] = 0
                    for b in range(count - n):
                        codes[k] |= (packed[n + b, k] & FIRED) >> 1 << b


@compiled
def _code(one: np.uint8, two: np.uint8, three: np.uint8, four: np.uint8) -> np.uint8:
    """The spikes are the second bits of the packed ones."""
    lower = (one & FIRED) >> np.uint8(1) | two & FIRED
    upper = (three & FIRED) << np.uint8(1) | (four & FIRED) << np.uint8(2)
    return np.uint8(lower | upper)


@parallel
def _make_tables(chunks: int, transposed: Array, tables: Array) -> None:
    """Make the table of each block of outputs and each four inputs."""
    inputs, outputs = transposed.shape
    rows, entries = transposed.reshape(-1), tables.reshape(-1)
    groups = inputs // SPIKES
    for block in prange(chunks):
        for g in range(groups):
            place = SPIKES * g * outputs + block * BLOCK
            into = (block * groups + g) * ENTRIES * BLOCK
            write_table(entries, into, rows, place, place + outputs, place + 2 * outputs, place + 3 * outputs)


@parallel
def _add_up(chunks: int, codes: Codes, tables: Array, bias: Array, sums: Array, partial: Array) -> None:
    """The sums of all rows, and of each chunk Σ (x − x₀) and Σ (x − x₀)²; x₀ is the first row."""
    rows, outputs = sums.shape
    groups = codes.shape[1]
    known, entries, into = codes.reshape(-1), tables.reshape(-1), sums.reshape(-1)
    reference = bias.copy()
    for block in range(outputs // BLOCK):
        for g in range(0, groups, LOOKUPS):
            add_table_entries(reference, block * BLOCK, entries, (block * groups + g) * ENTRIES * BLOCK, known, g, 1)
    for chunk in prange(chunks):
        last = min((chunk + 1) * _ROWS, rows)
        for n in range(chunk * _ROWS, last):
            for c in range(outputs):
                sums[n, c] = bias[c]
        for block in range(outputs // BLOCK):
            for g in range(0, groups, LOOKUPS):
                table = (block * groups + g) * ENTRIES * BLOCK
                for n in range(chunk * _ROWS, last):
                    add_table_entries(into, n * outputs + block * BLOCK, entries, table, known, n * groups + g, 1)
        first, second = partial[chunk, 0], partial[chunk, 1]
        for c in range(outputs):
            first[c] = 0
            second[c] = 0
        for n in range(chunk * _ROWS, last):
            for c in range(outputs):
                away = sums[n, c] - reference[c]
                first[c] += away
                second[c] += away * away


@parallel
def _add_up_rows(chunks: int, codes: Codes, grad: Array, tables: Array, sums: Array) -> None:
    count, outputs = grad.shape
    quads, inputs = codes.shape
    known, rows = codes.reshape(-1), grad.reshape(-1)
    for block in prange(chunks):
        entries, into = tables[block].reshape(-1), sums[block].reshape(-1)
        for n in range(len(into)):
            into[n] = 0
        for quad in range(0, quads, LOOKUPS):
            for table in range(LOOKUPS):
                n = (quad + table) * SPIKES
                a, b, c, d = _places(n, count, outputs)
                write_table(entries, table * ENTRIES * BLOCK, rows[block * BLOCK :], a, b, c, d)
            for k in range(inputs):
                add_table_entries(into, k * BLOCK, entries, 0, known, quad * inputs + k, inputs)


@compiled
def _places(first: int, count: int, outputs: int) -> tuple[int, int, int, int]:
    """Where four rows from ``first`` on begin; one beyond the last is the last, as no spike chooses it."""
    last = count - 1
    one, two, three, four = min(first, last), min(first + 1, last), min(first + 2, last), min(first + 3, last)
    return one * outputs, two * outputs, three * outputs, four * outputs
