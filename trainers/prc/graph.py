"""A neuron as a graph of linear-nonlinear subunits: declared once, for single cells and for trained networks.

A subunit adds up its sources, filters the sum with a causal kernel κ and passes it through a static nonlinearity f::

    drive[n] = Σ_k κ[k] Σ_s w_s s[n − k]        output[n] = f(drive[n − delay]),  0 in the first ``delay`` steps

A cascade is a tree of subunits; parallel pathways share a source; a loop, such as a somatic spike that travels back
into the dendrite, is a source further down, and is allowed where something on the way is late by at least a step.

Source: Harkin, Shen, Goel, Richards and Naud, Neuroscience 489:200 (2022).
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...errors import InputError, unknown_name
from .kernels import Instantaneous, Kernel
from .nonlinearities import Identity, Nonlinearity, Sigmoid


@dataclasses.dataclass(frozen=True)
class Source:
    """What a subunit receives: the output of subunit or input ``name``, times ``weight``.

    ``channel`` names what blocks the connection, such as "bap"; gradients run through it unless ``differentiable`` is
    false.
    """

    name: str
    weight: float = 1.0
    channel: str = ""
    differentiable: bool = True


@dataclasses.dataclass(frozen=True)
class Subunit:
    """One linear-nonlinear subunit.

    Attributes
    ----------
    name : of the subunit, and of its output as a source
    sources : what it receives; a plain name is that source with weight 1
    kernel, nonlinearity : κ and f
    delay : steps by which its output is late; a subunit with a delay puts out 0 before
    channel : what blocks the gain of its sigmoid, such as "sodium"; a passive part stays
    """

    name: str
    sources: Sequence[Source | str]
    kernel: Kernel = Instantaneous()
    nonlinearity: Nonlinearity = Identity()
    delay: int = 0
    channel: str = ""

    def __post_init__(self) -> None:
        sources = tuple(Source(one) if isinstance(one, str) else one for one in self.sources)
        object.__setattr__(self, "sources", sources)
        if self.delay < 0:
            raise InputError(f"delay {self.delay} of subunit {self.name}: expected at least 0")
        if self.channel and not isinstance(self.nonlinearity, Sigmoid):
            raise InputError(f"subunit {self.name}: channel '{self.channel}' needs a sigmoid to block")

    @property
    def inlets(self) -> tuple[Source, ...]:
        """The sources, all of the class :class:`Source`."""
        return tuple(one for one in self.sources if isinstance(one, Source))

    @property
    def is_linear(self) -> bool:
        """Whether the output is the filtered input itself."""
        return isinstance(self.nonlinearity, Identity)


@dataclasses.dataclass(frozen=True)
class Cell:
    """A neuron: its inputs by name and its subunits.

    Raises
    ------
    InputError
        If a name is used twice or a source is unknown; a loop that takes no time is refused by :func:`components`.
    """

    inputs: tuple[str, ...]
    subunits: tuple[Subunit, ...]

    def __post_init__(self) -> None:
        names = [*self.inputs, *(subunit.name for subunit in self.subunits)]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"a cell with two parts called '{name}': expected names of their own")
        for subunit in self.subunits:
            for source in subunit.inlets:
                if source.name not in names:
                    raise InputError(unknown_name(f"source of subunit {subunit.name}", source.name, names))

    def __getitem__(self, name: str) -> Subunit:
        for subunit in self.subunits:
            if subunit.name == name:
                return subunit
        raise InputError(unknown_name("subunit", name, [subunit.name for subunit in self.subunits]))

    @property
    def channels(self) -> tuple[str, ...]:
        """What can be blocked, in the order of the subunits."""
        found = [
            channel
            for subunit in self.subunits
            for channel in (subunit.channel, *(source.channel for source in subunit.inlets))
        ]
        return tuple(dict.fromkeys(channel for channel in found if channel))

    def blocked(self, channels: Iterable[str]) -> "Cell":
        """Return the cell under drugs that block ``channels``: gains of sigmoids and weights of sources become 0.

        Raises
        ------
        InputError
            If the cell has no such channel.
        """
        wanted = tuple(channels)
        for channel in wanted:
            if channel not in self.channels:
                raise InputError(unknown_name("channel to block", channel, self.channels))
        return dataclasses.replace(self, subunits=tuple(_blocked(subunit, wanted) for subunit in self.subunits))

    def with_nonlinearity(self, name: str, **changes: Any) -> "Cell":
        """Return the cell with other numbers in the nonlinearity of subunit ``name``."""
        changed = dataclasses.replace(self[name], nonlinearity=dataclasses.replace(self[name].nonlinearity, **changes))  # type: ignore[type-var]
        return dataclasses.replace(self, subunits=tuple(changed if one.name == name else one for one in self.subunits))


def components(cell: Cell, hears_at_once: Mapping[str, bool]) -> list[tuple[Subunit, ...]]:
    """Return the subunits in groups, sources first: a group is one subunit, or those of one loop.

    Subunits of a loop are ordered so that the drive of each can be computed from the outputs of those before it in the
    same step, and from outputs that are late: ``hears_at_once`` says whether a subunit's kernel acts without a lag.

    Raises
    ------
    InputError
        If a loop has no delay.
    """
    reach = _reachable(cell)
    groups: list[list[Subunit]] = []
    for subunit in cell.subunits:
        for group in groups:
            if subunit.name in reach[group[0].name] and group[0].name in reach[subunit.name]:
                group.append(subunit)
                break
        else:
            groups.append([subunit])
    ordered: list[tuple[Subunit, ...]] = []
    done = set(cell.inputs)
    while groups:
        for group in groups:
            own = {one.name for one in group}
            if all(_sources_of(one) <= done | own for one in group):
                ordered.append(_within_step(group, hears_at_once))
                done |= own
                groups.remove(group)
                break
    return ordered


def _within_step(group: list[Subunit], hears_at_once: Mapping[str, bool]) -> tuple[Subunit, ...]:
    """Return the subunits of a loop in an order in which one step can be computed."""
    left, ordered = list(group), []
    while left:
        open_now = {one.name for one in left if not one.delay}
        ready = [one for one in left if not hears_at_once[one.name] or not _sources_of(one) & open_now]
        if not ready:
            raise InputError(
                f"the loop through {', '.join(one.name for one in left)} takes no time: expected a delay of a step"
            )
        ordered += ready
        left = [one for one in left if one not in ready]
    return tuple(ordered)


def _sources_of(subunit: Subunit) -> set[str]:
    return {source.name for source in subunit.inlets}


def _reachable(cell: Cell) -> dict[str, set[str]]:
    """Return the subunits that each subunit's output leads to."""
    targets: dict[str, set[str]] = {one.name: set() for one in cell.subunits}
    for subunit in cell.subunits:
        for source in subunit.inlets:
            if source.name in targets:
                targets[source.name].add(subunit.name)
    found = {name: set(direct) for name, direct in targets.items()}
    for _ in cell.subunits:
        for names in found.values():
            for name in tuple(names):
                names |= targets[name]
    return found


def _blocked(subunit: Subunit, channels: Sequence[str]) -> Subunit:
    sources = tuple(
        dataclasses.replace(source, weight=0.0) if source.channel in channels else source for source in subunit.inlets
    )
    nonlinearity = subunit.nonlinearity
    if subunit.channel in channels and isinstance(nonlinearity, Sigmoid):
        nonlinearity = dataclasses.replace(nonlinearity, gain=0.0)
    return dataclasses.replace(subunit, sources=sources, nonlinearity=nonlinearity)
