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

INK, GREY = "#222222", "#8a8a8a"
# Okabe and Ito: distinguishable under the common colour-vision deficiencies. Groups without a colour of their own take
# turns at these.
PALETTE = ("#E69F00", "#D55E00", "#56B4E9", "#0072B2", "#009E73", "#CC79A7")
ORANGE, VERMILION, SKY, BLUE, GREEN, PINK = PALETTE
NETWORK_COLOURS = {"rnn": BLUE, "tbrnn": VERMILION, "hornn": PINK, "gru": GREEN}
RULE_COLOURS = {"bptt": "#332288", "mdgl": "#C28E0E", "eprop": "#BB5566"}
# Excitatory cells are warm, inhibitory ones cold; the adaptive kind (ALIF) is the darker of each pair.
CELL_TYPE_COLOURS = dict(zip(("E-LIF", "E-ALIF", "I-LIF", "I-ALIF", "LIF", "ALIF"), PALETTE, strict=True))
# Rules that a network is cued to follow: working memory is warm, anti-saccades are cold.
CUED_RULE_COLOURS = {
    "odr": VERMILION, "odrd": ORANGE, "overlap": BLUE, "zero_gap": SKY, "gap": GREEN, "gap500": "#332288",
}  # fmt: skip
# Stages of training.
STAGE_COLOURS = {"early": GREEN, "mid": BLUE, "mature": VERMILION}
# What a drug can block in a dendrite. Without a drug a cell is drawn in ink; under a drug lines are dashed, in the
# colour of the channel that is blocked, or grey where several are.
CHANNEL_COLOURS = {"sodium": BLUE, "calcium": VERMILION, "nmda": PINK, "bap": GREEN}
# Hidden neurons of dendritic networks: dark shades have the back-propagating action potential.
NEURON_COLOURS = {
    "one_compartment": "#777777", "no_bap": SKY, "bap": BLUE, "parallel": ORANGE, "parallel_bap": VERMILION,
}  # fmt: skip
STABLE, UNSTABLE = GREEN, "#C4151C"
SEQUENTIAL = "viridis"
MOST_BANDS = 4  # more hide each other

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


def stage_colour(name: str, place: int) -> str:
    """Return the colour of a stage of training, of others than the known ones by their place."""
    return STAGE_COLOURS.get(name, PALETTE[place % len(PALETTE)])


def group_styles(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the line style of each group of units: ``{"color": …, "linestyle": …}``.

    Cell types have the colours of :data:`CELL_TYPE_COLOURS`, dashed for those that project to the readout
    (``E-ALIF-out``); other groups take turns at :data:`PALETTE`.
    """
    styles: dict[str, dict[str, Any]] = {}
    lines = ("solid", "dashed", "dotted")
    turn = 0
    for name in names:
        cell_type = name.removesuffix("-out")
        if cell_type in CELL_TYPE_COLOURS:
            line = "solid" if cell_type == name else "dashed"
            styles[name] = {"color": CELL_TYPE_COLOURS[cell_type], "linestyle": line}
        else:
            line = lines[turn // len(PALETTE) % len(lines)]
            styles[name] = {"color": PALETTE[turn % len(PALETTE)], "linestyle": line}
            turn += 1
    return styles


def banded_curve(ax: "Axes", x: Any, y: Any, low: Any, high: Any, *, label: str | None, **style: Any) -> None:
    """Draw a curve and the band around it, from ``low`` to ``high``."""
    ax.plot(x, y, label=label, **style)
    ax.fill_between(x, low, high, color=style["color"], alpha=0.18, linewidth=0)


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
