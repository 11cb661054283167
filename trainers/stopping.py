"""When a network's training ends, decided for each member of a run on its own."""

import dataclasses

import numpy as np

from .settings import TrainingConfig

DIVERGED, LOSS, PLATEAU, PERFORMANCE = "diverged", "loss", "plateau", "performance"
EPOCHS, TRIALS, SHARE = "epochs", "trials", "share"
#: column of the log with the performance on the rule where it is lowest
WORST = "performance_min"
REASONS = {
    DIVERGED: "the loss was no longer finite",
    LOSS: "the training loss fell below stop_loss",
    PLATEAU: "the best loss had stopped improving",
    PERFORMANCE: "the performance exceeded stop_performance",
    EPOCHS: "all epochs were used",
    TRIALS: "stop_trials trials had been seen",
    SHARE: "the validation loss had come down to stop_share of its largest value",
}


@dataclasses.dataclass
class StopRules:
    """The stop rules of a run and the two numbers per member that they remember.

    ``largest_validation`` (member,) is the largest validation loss so far, ``plateau_reference`` (member,) the best
    training loss at the last plateau check. Checks come at epochs
    1, 1 + E/n, 1 + 2E/n, …; the first sets the reference and never stops a run.
    """

    config: TrainingConfig
    plateau_reference: np.ndarray
    largest_validation: np.ndarray

    def decide(self, epoch: int, trials_seen: int, row: dict[str, np.ndarray], best_loss: np.ndarray) -> list[str]:
        """Return the reason to stop of each member, empty for those that go on.

        ``row`` holds the metrics of this evaluation and ``best_loss`` the lowest training loss so far, for the
        members that are still training; ``plateau_reference`` must be theirs too.
        """
        loss = row["loss"]
        reasons = np.full(len(loss), "", dtype=object)
        if epoch >= self.config.epochs:
            reasons[:] = EPOCHS
        if self.config.stop_trials is not None and trials_seen >= self.config.stop_trials:
            reasons[:] = TRIALS
        if self._is_check(epoch):
            # Infinite until the first check, when there is nothing to compare with.
            reasons[best_loss > self.plateau_reference - self.config.plateau_tolerance] = PLATEAU
            self.plateau_reference = best_loss.copy()
        if self.config.stop_share is not None:
            self.largest_validation = np.fmax(self.largest_validation, row["validation_loss"])
            reasons[row["validation_loss"] <= self.config.stop_share * self.largest_validation] = SHARE
        if epoch > 0 and self.config.stop_loss is not None:
            reasons[loss < self.config.stop_loss] = LOSS
        reasons[self.performs(row)] = PERFORMANCE
        reasons[~np.isfinite(loss)] = DIVERGED
        return [str(reason) for reason in reasons]

    def performs(self, row: dict[str, np.ndarray]) -> np.ndarray:
        """Return whether the performance of each member, on its worst rule, exceeds ``stop_performance``."""
        worst = row.get(WORST, row["performance"])
        limit = self.config.stop_performance
        return np.zeros(len(worst), bool) if limit is None else worst > limit

    def select_members(self, indices: list[int]) -> None:
        """Go on with some of the members only."""
        self.plateau_reference = self.plateau_reference[indices]
        self.largest_validation = self.largest_validation[indices]

    def _is_check(self, epoch: int) -> bool:
        checks = self.config.plateau_checks
        interval = self.config.epochs // checks if checks else 0
        return interval > 0 and epoch > 0 and (epoch - 1) % interval == 0


def explain(reason: str) -> str:
    """Return a reason to stop as words."""
    return REASONS.get(reason, "still training")


def initial_rules(config: TrainingConfig, members: int) -> StopRules:
    """Return the rules at the start of a run."""
    return StopRules(config, np.full(members, np.inf), np.full(members, -np.inf))
