"""Arrays that compiled code slices without counting who holds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

Members = TypeVar("Members", bound=tuple[Any, ...])


def _uncounted(typing_context: Any, members: Any) -> tuple[Any, Callable[..., Any]]:
    """The named tuple ``members`` with arrays that own nothing, so that slices of them need not count references.

    Each count is a locked instruction, and a decision takes more than a thousand slices. The caller of the compiled
    function holds the arrays meanwhile.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (value,) = arguments
        for index, kind in enumerate(members.types):
            if isinstance(kind, types.Array):
                array = context.make_array(kind)(context, builder, builder.extract_value(value, index))
                array.meminfo = cgutils.get_null_value(array.meminfo.type)  # type: ignore[no-untyped-call]
                value = builder.insert_value(value, array._getvalue(), index)
        return value

    return members(members), generate


uncounted = cast(Callable[[Members], Members], intrinsic(_uncounted))
