"""One reading of a dataset: what its reader needs to know, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dsf_train.dataset_options import DatasetOptions, Unfinished
from dsf_train.datasets.observation_join import ObservationJoin
from neuro_runtime.environments import EnvironmentSpec

Notes = list[str]  # sentences that the user of a dataset should read, in the order in which they were found


@dataclass(frozen=True)
class Reading:
    """The circumstances of a reading.

    Attributes
    ----------
    time_limit
        The environment's, in steps.
    join
        Makes one vector a step of observations in parts.
    unfinished
        What becomes of steps after the last end mark.
    notes
        Gets a sentence for everything that is not as it should be, and yet is read; complete when all is read.
    """

    time_limit: int
    join: ObservationJoin
    unfinished: Unfinished = Unfinished.drop
    notes: Notes = field(default_factory=list)

    @classmethod
    def of(cls, spec: EnvironmentSpec, options: DatasetOptions | None = None, notes: Notes | None = None) -> Reading:
        """A reading for the policy of ``spec``."""
        options = options or DatasetOptions()
        join = ObservationJoin(spec, options.observation_keys)
        return cls(spec.time_limit, join, options.unfinished, [] if notes is None else notes)

    def recorded_with(self, options: Mapping[str, Any]) -> Reading:
        """The same of data that were recorded with these options of the environment."""
        return replace(self, join=self.join.recorded_with(options)) if options else self
