"""One plot style for the whole suite: what a colour or a mark means is decided here and nowhere else."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import files
from .errors import ConfigurationError, InputError, unknown_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")

# Okabe and Ito's palette: distinguishable under the common colour-vision deficiencies.
INK = "#222222"
GREY = "#8a8a8a"
NETWORK_COLOURS = {"rnn": "#0072B2", "tbrnn": "#D55E00", "hornn": "#CC79A7", "gru": "#009E73"}
RULE_COLOURS = {"bptt": "#332288", "mdgl": "#C28E0E", "eprop": "#BB5566"}
# Excitatory cells are warm, inhibitory ones cold; the adaptive kind (ALIF) is the darker of each pair.
CELL_TYPE_COLOURS = {
    "E-LIF": "#E69F00", "E-ALIF": "#D55E00", "I-LIF": "#56B4E9", "I-ALIF": "#0072B2",
    "LIF": "#009E73", "ALIF": "#CC79A7",
}  # fmt: skip
# Rules that a network is cued to follow: working memory is warm, anti-saccades are cold.
CUED_RULE_COLOURS = {
    "odr": "#D55E00", "odrd": "#E69F00", "overlap": "#0072B2", "zero_gap": "#56B4E9", "gap": "#009E73",
    "gap500": "#332288",
}  # fmt: skip
# Stages of training.
STAGE_COLOURS = {"early": "#009E73", "mid": "#0072B2", "mature": "#D55E00"}
# What a drug can block in a dendrite. Without a drug a cell is drawn in ink; under a drug lines are dashed, in the
# colour of the channel that is blocked, or grey where several are.
CHANNEL_COLOURS = {"sodium": "#0072B2", "calcium": "#D55E00", "nmda": "#CC79A7", "bap": "#009E73"}
# Hidden neurons of dendritic networks: dark shades have the back-propagating action potential.
NEURON_COLOURS = {
    "one_compartment": "#777777", "no_bap": "#56B4E9", "bap": "#0072B2", "parallel": "#E69F00",
    "parallel_bap": "#D55E00",
}  # fmt: skip
STABLE, UNSTABLE = "#009E73", "#C4151C"
SEQUENTIAL = "viridis"

_STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "axes.titlelocation": "left",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "figure.dpi": 120,
    "savefig.dpi": 160,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "svg.hashsalt": "dynascope",  # with no date in the metadata: the same picture is the same file
    "svg.fonttype": "path",
    "text.color": INK,
}


def network_colour(name: str) -> str:
    """Return the colour of a network class from its name, grey when the class is not known."""
    matches = [key for key in NETWORK_COLOURS if name.replace("lowrank_", "").startswith(key)]
    return NETWORK_COLOURS[max(matches, key=len)] if matches else GREY


def group_styles(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the line style of each group of units: ``{"color": …, "linestyle": …}``.

    Cell types have the colours of :data:`CELL_TYPE_COLOURS`, dashed for those that project to the readout
    (``E-ALIF-out``); other groups take turns at the same colours.
    """
    styles: dict[str, dict[str, Any]] = {}
    colours, lines = list(dict.fromkeys(CELL_TYPE_COLOURS.values())), ("solid", "dashed", "dotted")
    turn = 0
    for name in names:
        cell_type = name.removesuffix("-out")
        if cell_type in CELL_TYPE_COLOURS:
            line = "solid" if cell_type == name else "dashed"
            styles[name] = {"color": CELL_TYPE_COLOURS[cell_type], "linestyle": line}
        else:
            line = lines[turn // len(colours) % len(lines)]
            styles[name] = {"color": colours[turn % len(colours)], "linestyle": line}
            turn += 1
    return styles


@contextmanager
def style() -> Iterator[None]:
    """Apply the suite's plot style inside a ``with`` block, on the non-interactive canvas."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        yield


def figure(*, rows: int = 1, columns: int = 1, width: float = 4.2, height: float = 3.4) -> "Figure":
    """Return an empty figure of ``rows`` × ``columns`` panels; needs no display.

    ``width`` and ``height`` are inches per panel. The figure's axes are in ``figure.axes``, row by row.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style():
        made = Figure(figsize=(width * columns, height * rows), layout="constrained")
        FigureCanvasAgg(made)
        made.subplots(rows, columns)
    return made


def axes_or_new(ax: "Axes | None", *, width: float = 4.2, height: float = 3.4) -> "Axes":
    """Return ``ax``, or the axes of a new one-panel figure when ``ax`` is None."""
    return figure(width=width, height=height).axes[0] if ax is None else ax


def figure_of(ax: "Axes") -> "Figure":
    """Return the figure that holds ``ax``."""
    from matplotlib.figure import Figure

    holder = ax.get_figure()
    if not isinstance(holder, Figure):
        raise InputError(f"expected axes inside a figure, found {type(holder).__name__}")
    return holder


def save(drawn: "Figure | Axes", path: str | Path) -> Path:
    """Write a figure to ``path``; the suffix chooses png, svg or pdf. Same figure, same bytes.

    Raises
    ------
    ConfigurationError
        If the suffix is not one of png, svg, pdf.
    InputError
        If the file cannot be written.
    """
    from matplotlib.figure import Figure

    path = Path(path)
    kind = path.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise ConfigurationError(unknown_name("figure format", kind, FORMATS))
    shown = drawn if isinstance(drawn, Figure) else figure_of(drawn)
    buffer = io.BytesIO()
    metadata = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    _align_titles(shown)
    with style():
        shown.savefig(buffer, format=kind, metadata=metadata)
    return files.write_bytes(path, buffer.getvalue())


def _align_titles(drawn: "Figure") -> None:
    """Put every title at the left in the suite's size: axes are often titled outside the style."""
    for ax in drawn.axes:
        title = ax.get_title()
        if title:
            ax.set_title("")
            ax.set_title(title, loc="left", fontsize="medium")
