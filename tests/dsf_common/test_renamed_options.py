"""Options keep their former names for scripts and stored configurations."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from dsf_common.errors import UserError
from dsf_common.key_value_options import compose
from dsf_common.renamed_options import renamed, with_present_names


@dataclass
class Inner:
    beta: float = renamed(0.25, formerly="leak")


@dataclass
class Configuration:
    rate: float = renamed(0.0, formerly="least")
    inner: Inner = field(default_factory=Inner)


@pytest.mark.parametrize(
    ("pairs", "expected", "warnings"),
    [
        (["least=0.5"], Configuration(0.5), ["least is called rate now; change it in your script or configuration"]),
        (["inner.leak=0.5"], Configuration(0.0, Inner(0.5)), ["inner.leak is called inner.beta now; "]),
        (["rate=0.5", "inner.beta=0.5"], Configuration(0.5, Inner(0.5)), []),
    ],
)
def test_a_former_name_is_taken_with_a_warning(
    pairs: list[str], expected: Configuration, warnings: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert compose(Configuration, pairs) == expected
    assert len(caplog.messages) == len(warnings)
    assert all(message.startswith(start) for message, start in zip(caplog.messages, warnings, strict=True))


def test_a_wrong_value_is_refused_by_the_present_name() -> None:
    with pytest.raises(UserError, match=r"cannot set inner\.beta to 'much'"):
        compose(Configuration, ["inner.leak=much"])


def test_a_stored_configuration_is_read_by_present_names() -> None:
    stored = {"least": 0.5, "inner": {"leak": 0.75}, "unknown": 1}
    assert with_present_names(Configuration, stored) == {"rate": 0.5, "inner": {"beta": 0.75}, "unknown": 1}
    assert stored["inner"] == {"leak": 0.75}
