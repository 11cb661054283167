"""The published ``config.ini``, read as data: nothing in it is evaluated."""

import ast
import configparser
import dataclasses
import json
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from ...errors import ConfigurationError, unknown_name
from .. import config as configuration
from .experiment import Experiment
from .ini_sections import (
    Extensions,
    Net,
    Paths,
    PretrainedParams,
    TrainValidate,
    checked_combos,
    trial_params,
    truth,
)

Section = TypeVar("Section")

OWN_SECTION = "dynascope"
_SECTIONS: Mapping[str, type] = {
    "paths": Paths,
    "net": Net,
    "trainvalidate": TrainValidate,
    "pretrainedparams": PretrainedParams,
    OWN_SECTION: Extensions,
}
_LITERALS = {"trialparams": "trial_params", "combosparams": "combos_params"}
_MAX_BYTES = 2**20


def read_ini(path: str | Path) -> Experiment:
    """Return the experiment that a ``config.ini`` describes.

    Keys are those of the published programs, in sections ``[paths] [net] [trainvalidate] [trialparams]
    [combosparams] [pretrainedparams]``; ``[dynascope]`` holds extensions. Keys that are missing have the published
    defaults, unknown ones of published sections are ignored and noted. ``trial_params`` and ``combos_params`` are
    Python or JSON literals; anything else in them is refused.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, or lacks something, or names something unknown or impossible; the message says
        which section and key.
    """
    path = Path(path)
    parser, text = _parsed(path)
    try:
        return _experiment(parser, text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _experiment(parser: configparser.ConfigParser, text: str) -> Experiment:
    notes = [f"[{name}]: section ignored" for name in parser.sections() if name not in {*_SECTIONS, *_LITERALS}]
    sections: dict[str, Any] = {name: _section(parser, name, cls, notes) for name, cls in _SECTIONS.items()}
    for section, key in _LITERALS.items():
        if parser.has_section(section):
            notes += [f"[{section}] {name}: ignored" for name in parser.options(section) if name != key]
    trials, ignored = trial_params(_literal(parser, "trialparams"))
    notes += [f"trial_params {name}: ignored" for name in ignored]
    combos = checked_combos(_literal(parser, "combosparams"), trials)
    if [*combos] != ["lr", "nonlinearity", "optimizer", trials.task_parameter]:
        notes.append(f"combos_params: the order {', '.join(combos)} differs from the published one, combo indices too")
    paths: Paths = sections["paths"]
    if not paths.path_to_results:
        raise ConfigurationError("[paths] path_to_results: expected a folder, found nothing")
    if not Path(paths.path_to_network).is_dir() or not paths.path_to_network:
        notes.append(f"[paths] path_to_network = '{paths.path_to_network}': no such folder, packaged connectomes used")
        paths = dataclasses.replace(paths, path_to_network="")
    found = Experiment(
        paths, sections["net"], sections["trainvalidate"], sections["pretrainedparams"], sections[OWN_SECTION],
        trials, combos, text, tuple(notes),
    )  # fmt: skip
    for combo in found.combos:  # what the task refuses, such as lures that do not fit, is refused before any training
        configuration.build(trials.task.config_class, found.tables(combo)["task"], where="task")
    return found


def _parsed(path: Path) -> tuple[configparser.ConfigParser, str]:
    # Without interpolation a % in a path is a %.
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            raise ConfigurationError(f"{path}: expected a configuration of at most {_MAX_BYTES} characters")
        parser.read_string(text, source=str(path))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot read this configuration: {error.strerror}") from None
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not a configuration of sections and keys: {error}") from None
    return parser, text


def _section(parser: configparser.ConfigParser, name: str, cls: type[Section], notes: list[str]) -> Section:
    """Return a section as its dataclass; a section that is absent has the defaults."""
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for key in parser.options(name) if parser.has_section(name) else ():
        text = parser.get(name, key).strip()
        if key in hints:
            if text or hints[key] is str:
                values[key] = _converted(text, hints[key], f"[{name}] {key}")
        elif name == OWN_SECTION:
            raise ConfigurationError(unknown_name(f"key in [{name}]", key, hints))
        else:
            notes.append(f"[{name}] {key}: ignored")
    return configuration.build(cls, values, where=name)


def _converted(text: str, hint: Any, where: str) -> Any:
    if hint is str:
        return text
    if hint is bool:
        return truth(text, where)
    kind = float if float in (hint, *typing.get_args(hint)) else int
    try:
        return kind(text)
    except ValueError:
        expected = "a number" if kind is float else "a whole number"
        raise ConfigurationError(f"{where} = {text!r}: expected {expected}") from None


def _literal(parser: configparser.ConfigParser, section: str) -> Any:
    """Return the value of a section's literal: Python's, else JSON's."""
    key = _LITERALS[section]
    if not parser.has_option(section, key):
        raise ConfigurationError(f"[{section}] needs a value for {key}")
    text = parser.get(section, key).strip()
    for parse in (ast.literal_eval, json.loads):
        try:
            return parse(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    raise ConfigurationError(
        f"[{section}] {key}: expected literals such as {{'lr': [0.001, 0.01]}}, found {text[:80]!r}; nothing in this "
        "file is evaluated"
    )
