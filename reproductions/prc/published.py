"""Reference figures of the cells of figures 3 and 5, in their printed digits, and how ours are set beside them."""

import dataclasses
import decimal
from collections.abc import Iterable

from ...trainers.prc import cells
from ...trainers.prc.graph import Cell

SOURCE = "Harkin et al., Neuroscience 489:200 (2022)"


@dataclasses.dataclass(frozen=True)
class LnlSet:
    """One version of the cell of figure 3, and the means of the noise that it is shown under."""

    tau: float
    threshold: float
    width: float
    means: tuple[float, ...]

    @property
    def cell(self) -> Cell:
        """The cell with these numbers."""
        return cells.lnl(self.tau, self.threshold, self.width)

    @property
    def levels(self) -> tuple[float, ...]:
        """What noise of mean 0 must rise through where noise of the published means rises through the threshold."""
        return tuple(self.threshold - mean for mean in self.means)


LNL_SETS = {
    "A": LnlSet(2.0, 5.0, 1.0, (-45.0, -35.0, -30.0)),
    "B": LnlSet(30.0, 5.0, 1.0, (-8.0, -5.0, -1.0)),
    "C": LnlSet(2.0, 30.0, 7.0, (-30.0, -15.0, -5.0)),
    "D": LnlSet(15.0, 4.0, 1.0, (-12.0, 0.0, 12.0)),
}
#: amplitudes of the pulse for which the largest V_d is known: index among the 100 → amplitude
LNL_AMPLITUDES = {0: "0", 16: "9.697", 33: "20.0", 50: "30.303", 66: "40.0", 99: "60"}
#: parameter set → largest V_d at those amplitudes
LNL_PEAKS = {
    "A": ("0.1004", "16.6105", "18.9349", "20.9619", "22.8697", "26.8046"),
    "B": ("0.1004", "2.3666", "6.0342", "12.8065", "19.8273", "26.6482"),
    "C": ("0.2037", "2.6097", "6.3251", "12.3011", "18.7151", "26.3987"),
    "D": ("0.2698", "5.2543", "16.5718", "20.8128", "22.8601", "26.8046"),
}
#: parameter set → steepest slope of the largest V_d against amplitude, and the amplitude where it is steepest
LNL_SLOPES = {"A": ("3.55", "5.5"), "B": ("0.79", "31.5"), "C": ("0.69", "32.7"), "D": ("1.26", "13.9")}
#: what responds to a pulse of amplitude 1 → its largest value; numbers are time constants of sodium in ms
LNL_UNIT_PULSE: dict[str | float, str] = {"membrane": "0.196744", 2.0: "0.917915", 15.0: "0.283832", 30.0: "0.159217"}
#: the same → standard deviation under noise, in one run of unknown length
LNL_NOISE: dict[str | float, str] = {"membrane": "3.525", 2.0: "15.81", 15.0: "5.76", 30.0: "4.22"}
#: parameter set → upward crossings of threshold per second for each mean of the noise, in one run of unknown length
LNL_CROSSINGS = {"A": ("3.3", "20.5", "43"), "B": ("1.2", "8.0", "49")}

#: subunit of figure 5 → largest output for amplitude 7 and its time (ms), without a drug and under the block
NMDA_TRACES = {
    "sodium": (("4.8289", "25.1"), ("2.7290", "25.1")),
    "calcium": (("1.4237", "31.9"), ("0.7639", "31.9")),
    "nmda": (("6.6830", "51.1"), ("1.3476", "54.2")),
}
#: largest outputs of the neuron for amplitudes 0, 0.4, …, 14.8 under the block of sodium and calcium
NMDA_BLOCKED = (
    "0.00201210", "0.0373774", "0.0730846", "0.109274", "0.146144", "0.183974", "0.223157", "0.264245", "0.308010",
    "0.355534", "0.408320", "0.468444", "0.538750", "0.623079", "0.726527", "0.855669", "1.018658", "1.225012",
    "1.484824", "1.807118", "2.197207", "2.653458", "3.164583", "3.709179", "4.258749", "4.783684", "5.259739",
    "5.672193", "6.016464", "6.295944", "6.518770", "6.694916", "6.834212", "6.945306", "7.035291", "7.109727",
    "7.172842", "7.227778",
)  # fmt: skip
#: the same without a drug, index of the 38 amplitudes → largest output
NMDA_CONTROL = {
    0: "0.025884", 5: "0.222078", 10: "1.040289", 12: "2.370375", 13: "3.375970", 15: "5.372114", 18: "6.813342",
    20: "7.134912", 25: "7.496272", 30: "7.746330", 37: "8.051934",
}  # fmt: skip
#: without a drug and under the block: amplitude at half height (3.5), steepest slope, and where it is steepest
NMDA_CURVES = (("5.25", "2.70", "5.3"), ("9.05", "1.38", "9.25"))


def decimals(printed: str) -> int:
    """Return the number of digits behind the point of a printed number."""
    return max(0, -int(decimal.Decimal(printed).as_tuple().exponent))


def half_unit(printed: str) -> float:
    """Return how far a number may be from the printed one that it was rounded to."""
    return 0.5 * 10.0 ** -decimals(printed)


def agrees(value: float, printed: str) -> bool:
    """Return whether a number is the printed one to its last digit."""
    # The hundredth is for numbers halfway between two, which are not so exactly in binary.
    return abs(value - float(printed)) <= 1.01 * half_unit(printed)


def beside(value: float, printed: str) -> str:
    """Return ours, in as many digits as the printed number, which follows in parentheses."""
    return f"{value:.{decimals(printed)}f} ({printed})"


def verdict(pairs: Iterable[tuple[float, str]]) -> str:
    """Return "yes" if every number agrees with the printed one beside it, else "NO"."""
    return "yes" if all(agrees(value, printed) for value, printed in pairs) else "NO"
