"""The cost of a run, told to a person: lines of text, a JSON document, and a page."""

from __future__ import annotations

from hw_profiles.report.text import estimate_text, estimates_document
from hw_profiles.report.units import energy_text

__all__ = ["energy_text", "estimate_text", "estimates_document"]
