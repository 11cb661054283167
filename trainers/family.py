"""The model families: which models, tasks and learning rules each has, and its default settings."""

import dataclasses
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ..errors import ConfigurationError, unknown_name
from . import config as configuration
from .model import Model
from .rules import NoOptions, Rule, bptt
from .task import Task

Tables = dict[str, dict[str, Any]]

# Folder under trainers/ of each family; imported only when asked for.
FAMILIES = ("three_body", "spiking", "oculomotor", "connectome", "prc")


@dataclasses.dataclass(frozen=True)
class Family:
    """What one family adds to the one training loop.

    ``model_config`` has a field ``kind`` that chooses among ``models``; ``defaults(kind, task, tables)`` returns
    the tables (model, task, rule, training) that hold unless a user overrides them, given what the user did set.
    ``rules`` maps names to what makes a rule of that name from options of the class ``rule_config``; ``bptt`` alone by
    default.
    """

    name: str
    title: str
    model_config: type
    models: Mapping[str, type[Model]]
    tasks: Mapping[str, type[Task]]
    defaults: Callable[[str, str, Tables], Tables]
    rules: Mapping[str, Callable[[Any], Rule]] = dataclasses.field(default_factory=lambda: {"bptt": lambda _: bptt})
    rule_config: type = NoOptions

    def task(self, name: str, options: Mapping[str, Any]) -> Task:
        """Return the task of that name with its options set."""
        name = name.replace("-", "_")
        if name not in self.tasks:
            raise ConfigurationError(unknown_name(f"task of family {self.name}", name, self.tasks))
        cls = self.tasks[name]
        return cls(configuration.build(cls.config_class, options, where="task"))

    def model(
        self,
        options: Mapping[str, Any],
        *,
        members: int | None = None,
        generators: Sequence[np.random.Generator] | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Model:
        """Return a model of this family; its weights are drawn from ``generators``, or zero to be loaded."""
        config: Any = configuration.build(self.model_config, options, where="model")
        cls = self.models[config.kind]
        return cls(config, members=members, generators=generators, dtype=dtype)

    def rule(self, name: str, options: Mapping[str, Any]) -> Rule:
        """Return the learning rule of that name with its options set."""
        if name not in self.rules:
            raise ConfigurationError(unknown_name(f"learning rule of family {self.name}", name, self.rules))
        return self.rules[name](configuration.build(self.rule_config, options, where="rule"))


def get_family(name: str) -> Family:
    """Return the family of that name; hyphens and underscores are the same.

    Raises
    ------
    ConfigurationError
        If there is none; the nearest valid name is suggested.
    """
    name = name.replace("-", "_")
    if name not in FAMILIES:
        raise ConfigurationError(unknown_name("model family", name, FAMILIES))
    module = importlib.import_module(f".{name}", package=__package__)
    family = module.FAMILY
    assert isinstance(family, Family)
    return family
