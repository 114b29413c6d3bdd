"""``key=value`` options."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from dsf_common.errors import UserError
from dsf_common.key_value_options import compose, describe_keys


@dataclass
class Inner:
    size: int = 8


@dataclass
class Configuration:
    env: str
    steps: int = field(default=10, metadata={"help": "how many"})
    rate: float | None = None
    kind: Literal["delay", "pssa"] = "pssa"
    path: Path | None = None
    inner: Inner = field(default_factory=Inner)


def test_pairs_override_defaults_in_their_types() -> None:
    configuration = compose(Configuration, ["env=a=b", "steps=3", "rate=1", "path=x/y", "inner.size=4", "steps=5"])
    assert configuration == Configuration("a=b", 5, 1.0, "pssa", Path("x/y"), Inner(4))
    assert isinstance(configuration.rate, float)


TEXTS = ["007", "1e-3", "1:30", "off", "null", "[a", "#a", "a #b", "'q'", "a: b", "${home}", "*", "a\nb", "?"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_taken_as_it_is_written(text: str) -> None:
    assert compose(Configuration, [f"env={text}"]).env == text
    assert compose(Configuration, ["env=a", f"path=x{text}"]).path == Path(f"x{text}")


@pytest.mark.parametrize(("pair", "steps"), [("steps=062", 62), ("steps=1_000", 1000), ("steps= 7 ", 7)])
def test_a_number_is_decimal(pair: str, steps: int) -> None:
    assert compose(Configuration, ["env=a", pair]).steps == steps


def test_what_may_be_none_may_be_set_to_none() -> None:
    configuration = compose(Configuration, ["env=a", "rate=1", "rate=null", "path=null"])
    assert (configuration.rate, configuration.path) == (None, None)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "give env=…: there is no default"),
        (["env"], "expected key=value, got 'env'"),
        (["=3"], "expected key=value, got '=3'"),
        (["env=a", "steps="], "steps= has no value; leave it out for the default, 10"),
        (["env=a", "path= "], "path= has no value; give one, or leave it out"),
        (["env=a", "step=3"], "unknown key 'step': did you mean steps?"),
        (["env=a", "zzz=3"], "unknown key 'zzz': choose from env, inner, kind, path, rate, steps"),
        (["env=a", "inner.siz=3"], "unknown key 'inner.siz': did you mean inner.size?"),
        (["env=a", "steps.more=3"], "unknown key 'steps.more': steps is a single value"),
        (["env=a", "steps=many"], "cannot set steps to 'many': it takes a whole number"),
        (["env=a", f"steps={10**20}"], "0 is too large: whole numbers are below 2.63"),
        (["env=a", "steps=1:30"], "cannot set steps to '1:30': it takes a whole number"),
        (["env=a", "steps=0x10"], "cannot set steps to '0x10': it takes a whole number"),
        (["env=a", "rate=1:30"], "cannot set rate to '1:30': it takes a number"),
        (["env=a", "steps=1.5"], "cannot set steps to '1.5'"),
        (["env=a", "rate=fast"], "cannot set rate to 'fast': it takes a number"),
        (["env=a", "kind=dely"], "cannot set kind to 'dely'.*'delay'"),
        (["env=a", "inner=3"], "cannot set inner to '3'"),
    ],
)
def test_wrong_pairs_are_refused(pairs: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        compose(Configuration, pairs)


def test_help_lists_the_keys() -> None:
    assert "steps=10" in describe_keys(Configuration)
    assert "how many" in describe_keys(Configuration)
