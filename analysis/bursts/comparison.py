"""The result of a comparison of codes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ...results import Result, axes
from ..validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class CodeComparison(Result):
    """How well a label or a value of the trials is decoded from single spikes, bursts and their combinations.

    Attributes
    ----------
    codes : tuple of str
        What the decoders saw, see :data:`~dynascope.analysis.bursts.codes.CODES`.
    scores, low, high : ndarray, shape (code,)
        Accuracy or R² on trials left out, with its 95 % interval for another draw of test trials: Wilson's for an
        accuracy, of the bootstrap over trials for R². It does not tell how scores would differ with other training
        trials.
    differences, difference_low, difference_high : ndarray, shape (code, code)
        Score of the first code less that of the second, over the same trials and folds, with its 95 % interval of the
        bootstrap over trials.
    p_values, familywise_p_values : ndarray, shape (code,), or None
        How often permuted labels or values reach the score of a code, and of the best code; None without permutations.
    null_bounds : ndarray, shape (code,), or None
        95 % quantile of the scores under permutation.
    n_features : ndarray of int, shape (code,)
        What the decoder saw of a trial: one number for each unit, two for ``singles_and_bursts``.
    chance : float
        Accuracy of always answering the most frequent label; 0 for R².
    measure : str
        "accuracy" or "R²".
    target, decoder : str
        What was decoded, and by what, in words.
    n_trials, n_folds, n_permutations : int
    """

    codes: tuple[str, ...]
    scores: Array = axes("code")
    low: Array = axes("code")
    high: Array = axes("code")
    differences: Array = axes("code", "other_code")
    difference_low: Array = axes("code", "other_code")
    difference_high: Array = axes("code", "other_code")
    p_values: Array | None = axes("code", optional=True)
    familywise_p_values: Array | None = axes("code", optional=True)
    null_bounds: Array | None = axes("code", optional=True)
    n_features: Array = axes("code")
    chance: float
    measure: str
    target: str
    decoder: str
    n_trials: int
    n_folds: int
    n_permutations: int

    kind: ClassVar[str] = "code_comparison"

    def summary(self) -> str:
        """Return a table with one line per code, and how bursts compare with single spikes."""
        width = max(map(len, self.codes))
        lines = [
            f"{self.target} from {self.n_trials} trials in {self.n_folds} folds, {self.decoder}; "
            f"chance {self.chance:.3f}",
            f"{'code':<{width}} {'features':>8} {self.measure:>8} {'95 % interval':>16} {'p':>7} {'familywise':>10}",
        ]
        for index, code in enumerate(self.codes):
            interval = f"{self.low[index]:.3f} … {self.high[index]:.3f}"
            words = [_shown(each, index) for each in (self.p_values, self.familywise_p_values)]
            numbers = f"{self.n_features[index]:>8} {self.scores[index]:>8.3f} {interval:>16}"
            lines.append(f"{code:<{width}} {numbers} {words[0]:>7} {words[1]:>10}")
        if {"bursts", "singles"} <= set(self.codes):
            pair = self.codes.index("bursts"), self.codes.index("singles")
            lines.append(
                f"bursts less singles: {self.differences[pair]:+.3f} "
                f"({self.difference_low[pair]:+.3f} … {self.difference_high[pair]:+.3f})"
            )
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the score of every code with its interval, chance, and what permutations reach."""
        from .drawing import draw_codes

        return draw_codes(self, ax)


def _shown(values: Array | None, index: int) -> str:
    return "–" if values is None else f"{values[index]:.2g}"
