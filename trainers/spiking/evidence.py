"""Evidence accumulation: say which side had more cues."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...errors import ConfigurationError, InputError
from ...results import Array
from ..config import positive
from .cues import CueConfig, CueDecision

MAX_CUES = 16


@dataclasses.dataclass(frozen=True)
class EvidenceConfig(CueConfig):
    """Options of evidence accumulation, beside those of :class:`CueConfig`: cues and seconds between two of them."""

    n_cues: int = positive(7)
    cue_gap: float = positive(0.05)

    def __post_init__(self) -> None:
        if not 1 <= self.n_cues <= MAX_CUES:
            raise ConfigurationError(f"task.n_cues = {self.n_cues}: expected 1 to {MAX_CUES} cues")
        super().__post_init__()

    def periods(self) -> list[tuple[str, str]]:
        """Return the cues with gaps between them, then the delay, then the recall."""
        cues = [("cue_1", "cue_duration")]
        for cue in range(2, self.n_cues + 1):
            cues += [("", "cue_gap"), (f"cue_{cue}", "cue_duration")]
        return [*cues, ("delay", "delay"), ("recall", "recall_duration")]


class EvidenceAccumulation(CueDecision):
    """Say which side had more cues: several cues, each left or right, a silent delay, and a recall signal.

    Inputs: left, right, recall and background, ten channels each; 2 s of 1 ms. Label 1 is left; a tie, possible when
    the number of cues is even, is 0. (Liu, Smith, Mihalas, Shea-Brown and Sümbül, PNAS 118 (2021) e2111821118, after
    Bellec et al., Nat. Commun. 11 (2020) 3625.)
    """

    name = "evidence"
    config_class = EvidenceConfig
    config: EvidenceConfig
    populations = ("left", "right", "recall", "background")
    cue_populations: ClassVar[Mapping[int, str]] = {1: "left", 0: "right"}

    def columns(self, cues: Array) -> dict[str, Array]:
        """Return ``cue_1`` … (1 left, 0 right), ``n_left``, ``evidence`` (left − right cues) and ``label``."""
        n_left = cues.sum(1)
        evidence = 2 * n_left - cues.shape[1]
        each = {f"cue_{i + 1}": cues[:, i] for i in range(cues.shape[1])}
        return {**each, "n_left": n_left, "evidence": evidence, "label": (evidence > 0).astype(int)}

    def running_evidence(self, columns: Mapping[str, Any]) -> Array:
        """Return left − right cues so far, (trial, time), from the columns of trials.

        A cue counts from its first step on; the last step of a trial has the column ``evidence``.

        Raises
        ------
        InputError
            If a cue's column is missing.
        """
        names = [f"cue_{i + 1}" for i in range(len(self.cues))]
        missing = [name for name in names if name not in columns]
        if missing:
            raise InputError(f"running evidence: expected a column for every cue, found none for {', '.join(missing)}")
        signs = 2 * np.stack([np.asarray(columns[name], int) for name in names], axis=1) - 1
        starts = np.array([steps.start for steps in self.cues])
        evidence: Array = signs @ (np.arange(self.n_steps) >= starts[:, None]).astype(int)
        return evidence
