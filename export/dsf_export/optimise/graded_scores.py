"""A score's digits become one graded spike, on chips whose spikes carry numbers.

**Match.** LIF neurons that count a score in digits, each as the higher ones leave it, and gates of a digit and a value
(`dsf_export.mixings.scored_attention`), whose readers weigh each digit by what it is worth.

**Keeps.** Every current of all other neurons.

**Exact**, since the digits of a score a together tell min(a, c), with c the sum of what they are worth, and

    score[j, h]   = max(a, 0)                                  a neuron each, S·H
    excess[j, h]  = max(a − c, 0)                              likewise, where a can exceed c
    product[j, n] = max(score − excess + C·value_n − C, 0)     S·D, with C ≥ c: min(a, c) if the value spikes, else 0

are rectified sums. Where the bias line asks the digits for an answer, because scores are sums over time steps, it asks
the graded neurons: it brings a threshold that no sum exceeds without it. Digits take B time steps, a score takes one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dsf_export.mixings.scored_attention import digits_of
from dsf_export.optimise.program_pass import ProgramPass, Subject
from dsf_export.quantise.exact_groups import LARGEST_COUNT, exact_connections
from neuro_runtime.program.decay import keeps_current
from neuro_runtime.program.limits import LARGEST_DECAY
from neuro_runtime.program.nodes import And, BiasLine, Connection, Dense, GradedRelu, Lif, Node, Sparse
from neuro_runtime.program.program import Program
from neuro_runtime.program.weight_matrices import is_whole

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Synapses:
    """All synapses from one node to another, sorted by target, source and delay, as whole numbers.

    Arrays are (synapses,); ``weight`` has the exponents multiplied in.
    """

    target: Integers
    source: Integers
    delay: Integers
    weight: Integers

    def ends(self, shift: int = 0) -> list[list[int]]:
        """Target, source and delay of each, the delay less a ``shift``."""
        return [self.target.tolist(), self.source.tolist(), (self.delay - shift).tolist()]

    def chosen(self, mask: NDArray[np.bool_]) -> _Synapses:
        """Some of them."""
        return _Synapses(self.target[mask], self.source[mask], self.delay[mask], self.weight[mask])


@dataclass(frozen=True, eq=False)
class _Count:
    """A score that is counted in digits.

    Attributes
    ----------
    digits
        Their nodes, the highest first; each works a time step after the one before.
    matches
        The synapses that bring the first digit what it counts, each 1.
    bias_delay
        That of the bias line's synapses on the first digit; None where nothing asks for an answer.
    limit
        c, what all digits are worth.
    largest
        The largest sum that matches can bring in a time step.
    """

    digits: tuple[str, ...]
    match: str
    matches: _Synapses
    bias_delay: int | None
    limit: int
    largest: int


@dataclass(frozen=True, eq=False)
class GradedForm:
    """A count and the gates that multiply it with values.

    Attributes
    ----------
    scores
        The score of each product, (S·D,).
    values
        The synapses from ``value`` on the products.
    earlier
        Time steps by which products work before the gates did.
    readers
        The synapses of the products on whoever reads the gates, by name.
    """

    count: _Count
    gate: str
    scores: Integers
    value: str
    values: _Synapses
    earlier: int
    readers: dict[str, _Synapses]


class GradedScores(ProgramPass[GradedForm]):
    """See the module; one match is one attention."""

    name = "graded scores"

    def match(self, subject: Subject) -> GradedForm | None:
        gates = (node for node in subject.program.nodes if isinstance(node, And) and node.fan_in == 2)
        return next((form for gate in gates for form in _forms(subject, gate)), None)

    def transform(self, program: Program, match: GradedForm) -> Program:
        gone = {*match.count.digits, match.gate}
        added = _Added(program, match)
        nodes = [new for node in program.nodes for new in added.nodes_for(node)]
        kept = [item for item in program.connections if not {item.source, item.target} & gone]
        return replace(program, nodes=tuple(nodes), connections=(*kept, *added.connections()))


def _forms(subject: Subject, gate: And) -> Iterator[GradedForm]:
    """The form of a group of gates, if they are those of a count; for a single digit there is none of fewer neurons."""
    program = subject.program
    sources = dict.fromkeys(item.source for item in program.connections_into(gate.name))
    digits = [name for name in sources if _may_be_digit(program, program.node(name), set(sources))]
    others = [name for name in sources if name not in digits]
    if len(digits) < 2 or len(others) != 1:
        return
    count = _count(subject, digits)
    if count is None:
        return
    form = _form(program, count, gate, others[0])
    if form is not None:
        yield form


def _may_be_digit(program: Program, node: Node, beside: set[str]) -> bool:
    """Whether a node forgets at once, and hears gates, the bias line and its like alone."""
    if not isinstance(node, Lif) or node.voltage_decay != LARGEST_DECAY or keeps_current(node):
        return False
    if node.fires_at_threshold:
        return False
    heard = [program.node(item.source) for item in program.connections_into(node.name)]
    return all(isinstance(other, And | BiasLine) or other.name in beside for other in heard)


def _count(subject: Subject, names: list[str]) -> _Count | None:
    """The count that digits are, if they are one, in the order in which they work."""
    program = subject.program
    heard = {name: {item.source for item in program.connections_into(name)} for name in names}
    digits = sorted(names, key=lambda name: len(heard[name] & set(names)))
    gates = {source for name in digits for source in heard[name] if isinstance(program.node(source), And)}
    lines = {source for name in digits for source in heard[name] if isinstance(program.node(source), BiasLine)}
    if len(gates) != 1 or len(lines) > 1:
        return None
    (match,) = gates
    matches, unit = _on_all(program, match, digits)
    asked_by, asked = None, 0
    for line in lines:
        asked_by, asked = _on_all(program, line, digits)
    if matches is None or (lines and (asked_by is None or len(set(asked_by.delay.tolist())) != 1)):
        return None
    worths: list[int] = []
    for place, name in enumerate(digits):
        node = program.node(name)
        assert isinstance(node, Lif)
        worth, rest = divmod(2 * int(node.threshold) + unit - 2 * asked, 2 * unit)
        if rest or not _taken(program, digits[:place], worths, name, unit):
            return None
        worths.append(worth)
    limit, largest = sum(worths), _largest_sum(subject, match, matches)
    if tuple(worths) != digits_of(limit) or (lines and largest * unit > asked):
        return None
    if largest + asked // unit > LARGEST_COUNT:  # what a digit keeps of its last step could tell
        return None
    bias_delay = None if asked_by is None else int(asked_by.delay[0])
    return _Count(tuple(digits), match, matches, bias_delay, limit, largest)


def _on_all(program: Program, source: str, digits: list[str]) -> tuple[_Synapses | None, int]:
    """The synapses of a node on the first digit and their weight, if all weigh the same and other digits have them too,
    each a time step later.
    """
    every = [_synapses(program, source, name) for name in digits]
    first = every[0]
    if first is None or (first.weight != first.weight[0]).any() or first.weight[0] <= 0:
        return None, 0
    for place, synapses in enumerate(every):
        if synapses is None or synapses.ends(place) != first.ends() or (synapses.weight != first.weight).any():
            return None, 0
    return first, int(first.weight[0])


def _taken(program: Program, higher: list[str], worths: list[int], name: str, unit: int) -> bool:
    """Whether each higher digit's neuron takes what it is worth from the same neuron of this digit, and is in time."""
    neurons = list(range(program.node(name).size))
    for place, (other, worth) in enumerate(zip(higher, worths, strict=True)):
        taken = _synapses(program, other, name)
        late = len(higher) - place - 1
        if taken is None or taken.ends() != [neurons, neurons, [late] * len(neurons)]:
            return False
        if (taken.weight != -worth * unit).any():
            return False
    return True


def _largest_sum(subject: Subject, match: str, matches: _Synapses) -> int:
    """The most that gates, which spike when they can, bring a counting neuron in a time step."""
    possible, period = subject.reachable.possible[match], subject.program.period
    sums = [
        np.bincount(matches.target, possible[(step - 1 - matches.delay) % period, matches.source])
        for step in range(period)
    ]
    return int(max(each.max(initial=0) for each in sums))


def _form(program: Program, count: _Count, gate: And, value: str) -> GradedForm | None:
    """The graded form, if the gates of each digit are those of every other, and nobody else reads digits."""
    inside = {*count.digits, gate.name}
    reading = [item for name in count.digits for item in program.connections_from(name) if item.target not in inside]
    of_digit = [_synapses(program, name, gate.name) for name in count.digits]
    values = _synapses(program, value, gate.name)
    size = gate.size // len(count.digits)
    if reading or values is None or any(item is None for item in of_digit) or len(values.target) != gate.size:
        return None
    scores, earlier = None, len(count.digits) - 1
    products = np.full(gate.size, -1)  # the product that each gate is a part of
    for place, synapses in enumerate(of_digit):
        assert synapses is not None
        if len(synapses.target) != size or (synapses.delay != earlier - place).any():
            return None
        products[synapses.target] = np.arange(size)
        if scores is not None and (synapses.source != scores).any():
            return None
        scores = synapses.source
    assert scores is not None
    by_digit = [_of_products(values, synapses.target, products) for synapses in of_digit if synapses is not None]
    if any(item.ends() != by_digit[0].ends() for item in by_digit) or (by_digit[0].delay < earlier).any():
        return None
    worths, readers = digits_of(count.limit), {}
    for name in dict.fromkeys(item.target for item in program.connections_from(gate.name)):
        read = _synapses(program, gate.name, name)
        if read is None or isinstance(program.node(name), And):
            return None
        parts = [_of_products(_turned(read), item.target, products) for item in of_digit if item is not None]
        lowest = parts[-1]
        for worth, part in zip(worths, parts, strict=True):
            if part.ends() != lowest.ends() or (part.weight != worth * lowest.weight).any():
                return None
        readers[name] = _turned(lowest)
    return GradedForm(count, gate.name, scores, value, by_digit[0], earlier, readers)


def _of_products(synapses: _Synapses, gates: Integers, products: Integers) -> _Synapses:
    """The synapses on some gates, which become the products they are parts of."""
    chosen = synapses.chosen(np.isin(synapses.target, gates))
    return replace(chosen, target=products[chosen.target])


def _turned(synapses: _Synapses) -> _Synapses:
    """Source for target and target for source, sorted anew."""
    return _sorted(synapses.source, synapses.target, synapses.delay, synapses.weight)


def _sorted(target: Integers, source: Integers, delay: Integers, weight: Integers) -> _Synapses:
    order = np.lexsort((delay, source, target))
    return _Synapses(target[order], source[order], delay[order], weight[order])


def _synapses(program: Program, source: str, target: str) -> _Synapses | None:
    """All synapses between two nodes, those of the same ends and delay added up; None if an exponent floors any."""
    rows = []
    for item in program.connections_from(source):
        if item.target != target:
            continue
        if not item.weighted or not is_whole(item):
            return None
        weight = np.asarray(item.weight, dtype=np.float64) * 2.0**item.exponent
        if isinstance(item, Dense):
            targets, sources = np.nonzero(weight)
            rows.append(np.stack([targets, sources, np.full_like(targets, item.delay), weight[targets, sources]]))
        else:
            rows.append(np.stack([item.target_index, item.source_index, item.delay, weight]))
    if not rows:
        return None
    every = np.concatenate(rows, axis=1).astype(np.int64)
    ends, place = np.unique(every[:3], axis=1, return_inverse=True)
    total = np.bincount(place.reshape(-1), every[3]).astype(np.int64)
    target_index, source_index, delay = ends
    return _Synapses(target_index, source_index, delay, total)


class _Added:
    """The nodes and connections of a graded form."""

    def __init__(self, program: Program, form: GradedForm) -> None:
        self._program, self._form, self._count = program, form, form.count
        prefix = form.gate.rpartition(".")[0]
        self._score, self._excess, self._product = (f"{prefix}.{name}" for name in ("score", "excess", "product"))
        self._exceeds = self._count.largest > self._count.limit
        self._asked = 0 if self._count.bias_delay is None else _power_of_two(self._count.largest)
        self._closed = _power_of_two(min(self._count.limit, self._count.largest))  # C

    def nodes_for(self, node: Node) -> list[Node]:
        """The nodes in the place of one of the program's."""
        if node.name == self._count.digits[0]:
            scores: list[Node] = [GradedRelu(self._score, node.size, self._asked)]
            if self._exceeds:
                scores.append(GradedRelu(self._excess, node.size, self._asked + self._count.limit))
            return scores
        if node.name == self._form.gate:
            return [GradedRelu(self._product, len(self._form.scores), self._closed)]
        return [] if node.name in self._count.digits else [node]

    def connections(self) -> list[Connection]:
        """All into and from the new nodes."""
        form, count = self._form, self._count
        added: list[Connection] = []
        for target, sign in ((self._score, 1), (self._excess, -1)) if self._exceeds else ((self._score, 1),):
            added += _lists(count.match, target, replace(count.matches, weight=np.ones_like(count.matches.weight)))
            if count.bias_delay is not None:
                added += self._asking(target, count.bias_delay)
            products = np.arange(len(form.scores))
            at_once = np.zeros_like(products)
            synapses = _Synapses(products, form.scores, at_once, np.full_like(products, sign))
            added += _lists(target, self._product, synapses)
        weight = np.full_like(form.values.weight, self._closed)
        added += _lists(
            form.value, self._product, replace(form.values, delay=form.values.delay - form.earlier, weight=weight)
        )
        for reader, read in form.readers.items():
            added += _lists(self._product, reader, replace(read, delay=read.delay + form.earlier))
        return added

    def _asking(self, target: str, delay: int) -> list[Connection]:
        bias = next(node.name for node in self._program.nodes if isinstance(node, BiasLine))
        scores = np.arange(self._program.node(self._count.digits[0]).size)
        nothing = np.zeros_like(scores)
        return _lists(bias, target, _Synapses(scores, nothing, nothing + delay, nothing + self._asked))


def _lists(source: str, target: str, synapses: _Synapses) -> list[Connection]:
    """Connections of 8-bit weights that add up to the synapses; a power of two below 2 takes an exponent below 0."""
    twice = Sparse(
        source,
        target,
        synapses.source.astype(np.int32),
        synapses.target.astype(np.int32),
        2 * synapses.weight,
        synapses.delay.astype(np.int32),
    )
    return [replace(item, exponent=item.exponent - 1) for item in exact_connections(twice, 1)]


def _power_of_two(least: int) -> int:
    """The smallest that is no less: 8 bits hold it."""
    return 1 << max(least - 1, 0).bit_length()
