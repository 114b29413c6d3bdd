"""The same policy with its whole context on the chip at once, as training computes it: what a stream saves."""

from __future__ import annotations

import dataclasses

import numpy as np

from dsf_common.errors import UserError
from hw_profiles.network import ChipNetwork, HostCurrent, Population, Projection, SynapseList


def window_layout(stream: ChipNetwork, context: int) -> ChipNetwork:
    """Every population and every synapse of ``stream`` once for each of ``context`` tokens.

    A value that a stream remembers as a delay of j periods comes from the copy of j tokens before, in the same
    decision; the first tokens lack those from before the window. Copies share their synapses' arrays. The host's part
    stays what it is: it keeps the currents of earlier tokens and reads the newest token's accumulator.

    Raises
    ------
    UserError
        The network is no stream, or the context is below 1.
    """
    if stream.layout != "stream":
        raise UserError(f"the network {stream.name} is in {stream.layout} layout already; give one in stream layout")
    if context < 1:
        raise UserError(f"a window of {context} tokens holds nothing; give a context of 1 or more")
    ages = [_by_age(projection, stream.period) for projection in stream.projections]
    return dataclasses.replace(
        stream,
        layout="window",
        context=context,
        populations=tuple(_copy(item, token) for token in range(context) for item in stream.populations),
        projections=tuple(
            Projection(_name(item.source, token - ago), _name(item.target, token), synapses)
            for token in range(context)
            for item, by_age in zip(stream.projections, ages, strict=True)
            for ago, synapses in by_age.items()
            if ago <= token
        ),
        host_currents=tuple(_current(item, token) for token in range(context) for item in stream.host_currents),
    )


def _by_age(projection: Projection, period: int) -> dict[int, SynapseList]:
    """The synapses from each number of tokens ago, with the rest of their delays."""
    synapses = projection.synapses
    ago = synapses.delay // period
    return {int(age): synapses.select(ago == age, (synapses.delay % period)[ago == age]) for age in np.unique(ago)}


def _copy(population: Population, token: int) -> Population:
    return dataclasses.replace(population, name=_name(population.name, token))


def _current(current: HostCurrent, token: int) -> HostCurrent:
    return dataclasses.replace(current, target=_name(current.target, token))


def _name(population: str, token: int) -> str:
    """A token's copy; token 0 is the oldest."""
    return f"token{token}.{population}"
