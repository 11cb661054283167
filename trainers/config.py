"""Configuration: plain data in, checked frozen dataclasses out. Nothing from a file is executed."""

import dataclasses
import hashlib
import json
import math
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ConfigurationError, unknown_name
from ..results import plain

Config = TypeVar("Config")

#: the tables of a run's options
TABLES = ("model", "task", "rule", "training")


def choice(*valid: str, default: str) -> Any:
    """Declare a configuration field that takes one of a few words."""
    return dataclasses.field(default=default, metadata={"choices": valid})


def positive(default: Any = dataclasses.MISSING, *, zero: bool = False) -> Any:
    """Declare a numeric configuration field that must be above 0 (at least 0 when ``zero``)."""
    return dataclasses.field(default=default, metadata={"minimum": 0, "open": not zero})


def build(cls: type[Config], values: Mapping[str, Any], *, where: str) -> Config:
    """Return an instance of the dataclass ``cls`` from a mapping of plain values.

    Lists become tuples, whole numbers are accepted for floats, hyphens in keys for underscores.

    Raises
    ------
    ConfigurationError
        For an unknown key (the nearest valid one is named), a value of the wrong type, a word that is not
        among the choices, or a number outside its range. ``where`` names the table in the message.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(cls)
    checked: dict[str, Any] = {}
    for key, value in values.items():
        name = str(key).replace("-", "_")
        if name not in fields:
            raise ConfigurationError(unknown_name(f"option in [{where}]", key, fields))
        checked[name] = _checked(value, hints[name], fields[name], f"{where}.{name}")
    missing = [
        name
        for name, field in fields.items()
        if name not in checked and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigurationError(f"[{where}] needs a value for {', '.join(missing)}")
    return cls(**checked)


def whole_steps(config: Any, option: str) -> int:
    """Return how many steps of ``config.dt`` the duration in this option is.

    Raises
    ------
    ConfigurationError
        If it is not a whole number of steps, at least one.
    """
    duration: float = getattr(config, option)
    steps: int = round(duration / config.dt)
    if steps < 1 or abs(duration / config.dt - steps) > 1e-6:
        raise ConfigurationError(
            f"task.{option} = {duration}: expected a whole number of steps of {config.dt} s, at least one"
        )
    return steps


def as_mapping(config: Any) -> dict[str, Any]:
    """Return a configuration dataclass as JSON-ready plain values."""
    mapping = plain(dataclasses.asdict(config))
    assert isinstance(mapping, dict)
    return mapping


def identity(values: Any) -> str:
    """Return the SHA-256 of plain values written as canonical JSON: the same settings, the same name."""
    text = json.dumps(plain(values), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the tables of a TOML file as plain values.

    Raises
    ------
    ConfigurationError
        If the file cannot be read or is not TOML; the message says where in the file.
    """
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot read this configuration: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not a TOML file: {error}") from error


def parse_assignments(assignments: typing.Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return tables from ``table.key=value`` strings; values are read as TOML, bare words as text.

    >>> parse_assignments(["model.rank=2", "model.kind=tbrnn"])
    {'model': {'rank': 2, 'kind': 'tbrnn'}}
    """
    tables: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        target, equals, text = assignment.partition("=")
        table, dot, key = target.strip().partition(".")
        if not (equals and dot and table and key):
            raise ConfigurationError(f"'{assignment}': expected TABLE.KEY=VALUE, as in model.rank=2")
        tables.setdefault(table, {})[key] = _value(text.strip())
    return tables


def merged(*layers: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return tables in which later layers override earlier ones key by key."""
    result: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for table, values in layer.items():
            if not isinstance(values, Mapping):
                raise ConfigurationError(f"'{table}': expected a table of options, found {values!r}")
            result.setdefault(table, {}).update({key.replace("-", "_"): value for key, value in values.items()})
    return result


def unknown_table(name: str) -> str:
    """Return the sentence that refuses a table other than those of a run."""
    return unknown_name("table", name, TABLES)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _checked(value: Any, hint: Any, field: "dataclasses.Field[Any]", name: str) -> Any:
    value = _converted(value, hint, name)
    choices = field.metadata.get("choices")
    if choices and value not in choices:
        raise ConfigurationError(unknown_name(name, value, choices))
    if "minimum" in field.metadata:
        _check_range(value, field.metadata["minimum"], name, is_open=field.metadata["open"])
    return value


def _check_range(value: Any, minimum: float, name: str, *, is_open: bool) -> None:
    for number in value if isinstance(value, tuple) else (value,):
        if number is not None and (number < minimum or (is_open and number == minimum)):
            bound = "above" if is_open else "at least"
            raise ConfigurationError(f"{name} = {value}: expected a number {bound} {minimum}")


def _converted(value: Any, hint: Any, name: str) -> Any:
    if isinstance(hint, types.UnionType):
        for option in hint.__args__:
            try:
                return _converted(value, option, name)
            except ConfigurationError:
                continue
        expected = " or ".join(_spoken(option) for option in hint.__args__)
        raise ConfigurationError(f"{name} = {value!r}: expected {expected}")
    origin = typing.get_origin(hint) or hint
    if origin is tuple:
        return _tuple(value, typing.get_args(hint), name)
    if origin is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if origin is types.NoneType and value is None:
        return None
    fits = isinstance(value, origin) and not (origin is not bool and isinstance(value, bool))
    if not fits or (isinstance(value, float) and not math.isfinite(value)):
        raise ConfigurationError(f"{name} = {value!r}: expected {_spoken(hint)}")
    return value


def _tuple(value: Any, items: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise ConfigurationError(f"{name} = {value!r}: expected a list")
    if len(items) == 2 and items[1] is Ellipsis:
        return tuple(_converted(item, items[0], name) for item in value)
    if len(items) != len(value):
        raise ConfigurationError(f"{name} = {value!r}: expected a list of {len(items)} values")
    return tuple(_converted(item, hint, name) for item, hint in zip(value, items, strict=True))


def _spoken(hint: Any) -> str:
    words = {int: "a whole number", float: "a finite number", str: "a word", bool: "true or false"}
    if hint is types.NoneType:
        return "nothing"
    return words.get(hint, "a list" if typing.get_origin(hint) is tuple else str(hint))
