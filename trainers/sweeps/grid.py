"""Grids: one TOML file with the options that all networks share and those that vary, resolved to tasks."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError, unknown_name
from .. import config as configuration
from ..config import TABLES
from ..family import Tables
from ..settings import Settings
from .tasks import Task

FUNCTION = f"{__package__}.networks:train_networks"
_PLACES = ("family", "task_name", "seed")
_TOP = ("family", "task_name", "seed", *TABLES, "grid", "network", "batch", "plain_batch", "export")


@dataclasses.dataclass(frozen=True)
class Export:
    """What the archive of a finished network holds: test trials and the seed that draws them and their noise."""

    trials: int = configuration.positive(16)
    seed: int = configuration.positive(0, zero=True)


@dataclasses.dataclass(frozen=True)
class Batching:
    """Networks that differ only in their seed and are trained as one batch, at most.

    ``batch`` is for networks that run compiled, whose results do not depend on it at all. Networks on the plain path
    would change in the last digits with ``plain_batch``; when it is above 1 the batch is therefore part of what names
    the network, and stays together.
    """

    batch: int = configuration.positive(8)
    plain_batch: int = configuration.positive(1)


def read_grid(grid: "str | Path | Mapping[str, Any]") -> list[Task]:
    """Return the tasks of a grid, in its order, each once.

    Parameters
    ----------
    grid : TOML file, or the same tables as plain values::

        family = "three_body"            task_name = "flip_flop"
        [model] [task] [rule] [training]  options that all networks share, as for ``dynascope train --config``
        [[grid]]                         any number of blocks; lists are axes, and every combination is trained
        model.rank = [1, 2, 3]
        seed = "0-9"                     a number, a list, or a range; without it the seed of the whole file, or 0
        [[network]]                      one network more, with options of its own
        [export] trials, seed            of the archives
        batch, plain_batch               see :class:`Batching`

    In ``[[grid]]`` an option that is itself a list is given as a list of lists.

    Raises
    ------
    ConfigurationError
        For an unknown or impossible option, an axis without values, or a grid without networks.
    """
    document = configuration.read_toml(grid) if isinstance(grid, (str, Path)) else dict(grid)
    for name in document:
        if name not in _TOP:
            raise ConfigurationError(unknown_name("entry of a grid", name, _TOP))
    export = configuration.build(Export, document.get("export", {}), where="export")
    batching = configuration.build(
        Batching, {key: document[key] for key in ("batch", "plain_batch") if key in document}, where="grid"
    )
    found: dict[str, tuple[Settings, dict[str, Any]]] = {}
    for settings, options in _networks(document):
        found.setdefault(settings.identity, (settings, options))
    if not found:
        raise ConfigurationError("this grid holds no networks: expected [[grid]] or [[network]] tables")
    names = list(dict.fromkeys(name for _, options in found.values() for name in options))
    return [
        task
        for together in _alike([settings for settings, _ in found.values()])
        for task in _tasks(together, {key: found[key][1] for key in found}, names, export, batching)
    ]


def _networks(document: Mapping[str, Any]) -> Iterator[tuple[Settings, dict[str, Any]]]:
    """Yield the settings of every network, with the options that vary."""
    base = {f"{table}.{key}": value for table in TABLES for key, value in _table(document, table).items()}
    places = {key: document[key] for key in _PLACES if key in document}
    for block in _blocks(document, "grid"):
        axes = {name: _axis(name, value) for name, value in _flat(block).items()}
        if "seed" not in axes and "seed" in places:
            axes["seed"] = _axis("seed", places["seed"])
        for values in itertools.product(*axes.values()):
            options = dict(zip(axes, values, strict=True))
            yield _settings(places | base | options), options
    for block in _blocks(document, "network"):
        options = _flat(block)
        yield _settings(places | base | options), options


def _settings(flat: Mapping[str, Any]) -> Settings:
    for place in ("family", "task_name"):
        if not isinstance(flat.get(place), str):
            raise ConfigurationError(f"a grid needs {place}, as in family = 'three_body' and task_name = 'flip_flop'")
    tables: Tables = {table: {} for table in TABLES}
    for name, value in flat.items():
        table, dot, key = name.partition(".")
        if dot:
            tables[table][key] = value
    seed = flat.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise ConfigurationError(f"seed = {seed!r}: expected a whole number here")
    return Settings.resolve(flat["family"], flat["task_name"], tables, seed=seed)


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return configuration.merged({name: document.get(name, {})})[name]


def _blocks(document: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    blocks = document.get(name, [])
    blocks = [blocks] if isinstance(blocks, Mapping) else blocks
    if not isinstance(blocks, list) or not all(isinstance(block, Mapping) for block in blocks):
        raise ConfigurationError(f"{name}: expected tables [[{name}]], found {blocks!r}")
    return blocks


def _flat(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a block by dotted name."""
    flat: dict[str, Any] = {}
    for name, value in block.items():
        if isinstance(value, Mapping) and name in TABLES:
            flat |= {f"{name}.{key.replace('-', '_')}": item for key, item in value.items()}
        elif "." in name and name.partition(".")[0] in TABLES:
            flat[name.replace("-", "_")] = value
        elif name in _PLACES:
            flat[name] = value
        else:
            raise ConfigurationError(unknown_name("option of a grid", name, (*_PLACES, *TABLES)))
    return flat


def _axis(name: str, value: Any) -> list[Any]:
    """Return the values along one axis; a seed may be a range in words."""
    if name == "seed" and isinstance(value, str):
        first, dash, last = value.partition("-")
        if not (dash and first.strip().isdecimal() and last.strip().isdecimal() and int(first) <= int(last)):
            raise ConfigurationError(
                f"seed = {value!r}: expected a range such as '0-9', a number, or a list of numbers"
            )
        return list(range(int(first), int(last) + 1))
    if isinstance(value, list) and not value:
        raise ConfigurationError(f"{name} = []: an axis needs at least one value")
    return value if isinstance(value, list) else [value]


def _alike(settings: Sequence[Settings]) -> list[list[Settings]]:
    """Return the settings in groups that differ only in their seed."""
    groups: dict[str, list[Settings]] = {}
    for one in settings:
        groups.setdefault(dataclasses.replace(one, seed=0).identity, []).append(one)
    return list(groups.values())


def _tasks(
    together: Sequence[Settings],
    options: Mapping[str, Mapping[str, Any]],
    names: Sequence[str],
    export: Export,
    batching: Batching,
) -> Iterator[Task]:
    """Yield the tasks of networks that differ only in their seed."""
    compiled = runs_compiled(together[0])
    size = len(together) if compiled else batching.plain_batch
    if not can_share_a_batch(together[0]):
        size = 1
    for first in range(0, len(together), size):
        batch = together[first : first + size]
        seeds = [one.seed for one in batch]
        fixed = not compiled and len(batch) > 1
        key = configuration.identity([dataclasses.replace(batch[0], seed=0).identity, seeds]) if len(batch) > 1 else ""
        for one in batch:
            payload: dict[str, Any] = {"settings": one.as_mapping(), "export": configuration.as_mapping(export)}
            if fixed:
                payload["batch"] = seeds
            values = _all_options(one, names) | dict(options[one.identity])
            yield Task(FUNCTION, payload, values, batch=key, fixed_batch=fixed)


def _all_options(settings: Settings, names: Sequence[str]) -> dict[str, Any]:
    """Return what varies anywhere in the grid, as it is for one network."""
    found = settings.as_mapping()
    values = {}
    for name in names:
        table, dot, key = name.partition(".")
        values[name] = found[table].get(key) if dot else found[name]
    return values | {"seed": settings.seed}


def can_share_a_batch(settings: Settings) -> bool:
    """Return whether networks of several seeds can train as one batch: each seed has its own order of rules."""
    return len(settings.get_task().rules) == 1


def runs_compiled(settings: Settings) -> bool:
    """Return whether training runs on the compiled path, where a network's bits do not depend on its company."""
    family = settings.get_family()
    config: Any = configuration.build(family.model_config, settings.model, where="model")
    return settings.training.device == "cpu" and family.models[config.kind].has_kernel(config)
