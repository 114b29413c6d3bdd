"""Two steps of the products by tables (`dsf_models.kernels.spike_product`) as vector instructions.

Written out as loops, numba would check before each of them whether the arrays overlap, which takes longer than they do.
A vector here is ``BLOCK`` numbers long; LLVM makes of it what registers the processor has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

BLOCK = 64  # channels of a table's entries: one is 256 bytes
SPIKES = 4  # that choose an entry
ENTRIES = 1 << SPIKES
LOOKUPS = 8  # tables at a time: with four bytes a number 32 KiB, which fit into the first-level cache

Codegen = Callable[[Any, Any, Any, Any], Any]


def _add_table_entries(
    typing: Any, target: Any, place: Any, tables: Any, first: Any, codes: Any, at: Any, stride: Any
) -> tuple[Any, Codegen]:
    """``target[place:][:BLOCK] += Σ_n tables[first:][n, codes[at + n·stride]]``, n over ``LOOKUPS`` tables.

    All are flat; ``tables`` from ``first`` on is read as (LOOKUPS, ENTRIES, BLOCK).
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind, codes_kind = signature.args[0], signature.args[4]
        into = _pointer(context, builder, kind, values[0], values[1])
        known = _pointer(context, builder, signature.args[2], values[2], values[3])
        code_at = _pointer(context, builder, codes_kind, values[4], values[5])
        total = _load(builder, kind, into)
        for table in range(LOOKUPS):
            code = builder.zext(builder.load(code_at), values[3].type)
            entry = builder.add(code, _word(values[3], table * ENTRIES))
            entry_at = builder.gep(known, [builder.mul(entry, _word(values[3], BLOCK))], inbounds=True)
            total = builder.fadd(total, _load(builder, kind, entry_at))
            code_at = builder.gep(code_at, [values[6]])
        _store(builder, kind, total, into)
        return context.get_dummy_value()

    return types.void(target, types.intp, tables, types.intp, codes, types.intp, types.intp), build


def _write_table(
    typing: Any, tables: Any, first: Any, rows: Any, one: Any, two: Any, three: Any, four: Any
) -> tuple[Any, Codegen]:
    """Write the table of four vectors: ``tables[first:][code] = Σ_b bit_b(code)·rows[place_b:][:BLOCK]``; all flat."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = signature.args[0]
        into = _pointer(context, builder, kind, values[0], values[1])
        entries = [ir.Constant(_vector(into), None)]
        for place in values[3:]:
            row = _load(builder, kind, _pointer(context, builder, signature.args[2], values[2], place))
            entries += [row, *(builder.fadd(entry, row) for entry in entries[1:])]
        for code, entry in enumerate(entries):
            _store(builder, kind, entry, builder.gep(into, [_word(values[1], code * BLOCK)], inbounds=True))
        return context.get_dummy_value()

    return types.void(tables, types.intp, rows, *4 * [types.intp]), build


add_table_entries: Callable[..., None] = intrinsic(_add_table_entries)
write_table: Callable[..., None] = intrinsic(_write_table)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [place], inbounds=True)


def _word(like: Any, value: int) -> Any:
    return ir.Constant(like.type, value)


def _vector(pointer: Any) -> Any:
    return ir.VectorType(pointer.type.pointee, BLOCK)


def _load(builder: Any, kind: Any, pointer: Any) -> Any:
    loaded = builder.load(builder.bitcast(pointer, _vector(pointer).as_pointer()))
    loaded.align = kind.dtype.bitwidth // 8
    return loaded


def _store(builder: Any, kind: Any, value: Any, pointer: Any) -> None:
    stored = builder.store(value, builder.bitcast(pointer, value.type.as_pointer()))
    stored.align = kind.dtype.bitwidth // 8
