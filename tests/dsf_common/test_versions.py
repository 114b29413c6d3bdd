"""Versions of distributions."""

from __future__ import annotations

import numpy as np

from dsf_common.versions import installed_version


def test_a_distribution_has_a_version_or_is_not_installed() -> None:
    assert installed_version("numpy") == np.__version__
    assert installed_version("no-such-distribution") == "not installed"
