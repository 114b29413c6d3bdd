"""What no machine holds."""

from __future__ import annotations

import pytest

from dsf_common import memory
from dsf_common.errors import UserError
from dsf_common.memory import physical_memory, require_memory


def test_what_fits_is_taken_and_more_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require_memory(physical_memory(), "all of it")
    monkeypatch.setattr(memory, "physical_memory", lambda: 3 * 2**29)
    with pytest.raises(UserError, match=r"^x=9 takes at least 2 GiB of memory, and this machine has 1.5 GiB$"):
        require_memory(2**31, "x=9")
    with pytest.raises(UserError, match="at least 8,192 PiB of"):
        require_memory(2**63, "x=9")
