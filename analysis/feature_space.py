"""Sums of linear kernels in feature space: every XᵀY of several arrays in one pass over chunks of rows.

For K = XXᵀ and L = YYᵀ, Σ K_ab L_ab = ‖XᵀY‖², so that no samples × samples matrix is needed. Columns are
dealt into panels: narrow arrays share one, wide ones take several, and BLAS multiplies panel by panel.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from . import samples
from .hsic import KernelSums
from .validation import Array, Samples

# Measured: products of panels narrower than 256 columns run slower; wider ones gain nothing.
_PANEL_COLUMNS = 384
_ACCUMULATOR_BYTES = 64 * 2**20
_BUFFER_BYTES = 16 * 2**20
# Rows per product at most: measured fastest for 256 columns in either dtype, with one thread and with two.
_ROWS = 4096


@dataclasses.dataclass(frozen=True)
class _Piece:
    """Columns ``start`` to ``stop`` of array ``index``."""

    index: int
    start: int
    stop: int

    @property
    def width(self) -> int:
        return self.stop - self.start


@dataclasses.dataclass(frozen=True)
class _Panel:
    pieces: tuple[_Piece, ...]

    @property
    def width(self) -> int:
        return sum(piece.width for piece in self.pieces)

    def slices(self) -> Iterator[tuple[_Piece, slice]]:
        """Yield each piece with its columns in the panel."""
        start = 0
        for piece in self.pieces:
            yield piece, slice(start, start + piece.width)
            start += piece.width


def linear_sums(arrays: Sequence[Samples], means: Sequence[Array] | None, *, rows: int | None = None) -> KernelSums:
    """Return the kernel sums of ``arrays`` (samples, features) after subtracting ``means`` (None: nothing).

    Products run in float32 when every array is float32, else in float64; sums are float64. ``rows`` is the
    number of rows per chunk (None: chosen by size). The result does not depend on it beyond rounding.
    """
    dtype = working_dtype(arrays)
    panels = _panels([array.shape[1] for array in arrays])
    n, k = arrays[0].shape[0], len(arrays)
    loader = _Loader(arrays, means, panels, rows=rows or chunk_rows(arrays), dtype=dtype)
    products, diagonals, diagonal = np.zeros((k, k)), np.zeros((k, k)), np.zeros(k)
    for number, pairs in enumerate(_batches(panels)):
        sums = {(i, j): np.zeros((panels[i].width, panels[j].width)) for i, j in pairs}
        for blocks in loader.chunks():
            for (i, j), total in sums.items():
                total += blocks[i].T @ blocks[j]
            if number == 0:
                norms = _squared_norms(panels, blocks, k)
                diagonals += norms.T @ norms
                diagonal += norms.sum(axis=0)
        for (i, j), total in sums.items():
            _add_squares(products, total, panels[i], panels[j])
    # Rows of a centred linear kernel sum to zero; without centring nothing uses them.
    zero = np.zeros((k, k))
    return KernelSums(n, products, diagonals, diagonal, row_products=zero, total=np.zeros(k), mixed=zero)


def working_dtype(arrays: Sequence[Samples]) -> "np.dtype[np.floating]":
    """Return float32 when every array is float32, else float64."""
    single = all(array.dtype.kind == "f" and array.dtype.itemsize == 4 for array in arrays)
    return np.dtype(np.float32 if single else np.float64)


def chunk_rows(arrays: Sequence[Samples]) -> int:
    """Return how many rows of all ``arrays`` together to hold at a time."""
    size = working_dtype(arrays).itemsize
    columns = sum(array.shape[1] for array in arrays)
    return int(max(64, min(_ROWS, _BUFFER_BYTES // (size * columns))))


class _Loader:
    """Reads chunks of rows into one contiguous, centred buffer per panel; the buffers are reused."""

    def __init__(
        self,
        arrays: Sequence[Samples],
        means: Sequence[Array] | None,
        panels: Sequence[_Panel],
        *,
        rows: int,
        dtype: "np.dtype[np.floating]",
    ) -> None:
        self._arrays, self._panels = arrays, panels
        self._rows = min(rows, arrays[0].shape[0])
        self._buffers = [np.empty((self._rows, panel.width), dtype) for panel in panels]
        # Subtracting a full matrix of means is one long loop, 2.5 times faster than broadcasting one row.
        self._means = None
        if means is not None:
            self._means = [np.broadcast_to(mean.astype(dtype), (self._rows, len(mean))).copy() for mean in means]

    def chunks(self) -> Iterator[list[Array]]:
        """Yield the panels of each chunk of rows."""
        for start, stop in samples.row_chunks(self._arrays[0].shape[0], self._rows):
            count = stop - start
            chunks = [samples.read(array, start, stop) for array in self._arrays]
            for panel, buffer in zip(self._panels, self._buffers, strict=True):
                for piece, columns in panel.slices():
                    self._fill(buffer[:count, columns], chunks[piece.index], piece)
            yield [buffer[:count] for buffer in self._buffers]

    def _fill(self, target: Array, chunk: Array, piece: _Piece) -> None:
        values = chunk[:, piece.start : piece.stop]
        if self._means is None:
            np.copyto(target, values, casting="same_kind")
        else:
            mean = self._means[piece.index][: len(values), piece.start : piece.stop]
            np.subtract(values, mean, out=target, casting="same_kind")


def _panels(widths: Sequence[int]) -> list[_Panel]:
    """Deal the columns of all arrays, in order, into panels of at most ``_PANEL_COLUMNS``."""
    panels: list[_Panel] = []
    current: list[_Piece] = []
    for index, width in enumerate(widths):
        parts = math.ceil(width / _PANEL_COLUMNS)
        bounds = [width * part // parts for part in range(parts + 1)]
        for start, stop in itertools.pairwise(bounds):
            piece = _Piece(index, start, stop)
            if current and sum(each.width for each in current) + piece.width > _PANEL_COLUMNS:
                panels.append(_Panel(tuple(current)))
                current = []
            current.append(piece)
    panels.append(_Panel(tuple(current)))
    return panels


def _batches(panels: Sequence[_Panel]) -> Iterator[list[tuple[int, int]]]:
    """Yield the pairs i ≤ j of panels in groups whose products fit the memory budget."""
    batch: list[tuple[int, int]] = []
    used = 0
    for i, left in enumerate(panels):
        for j in range(i, len(panels)):
            size = 8 * left.width * panels[j].width
            if batch and used + size > _ACCUMULATOR_BYTES:
                yield batch
                batch, used = [], 0
            batch.append((i, j))
            used += size
    yield batch


def _squared_norms(panels: Sequence[_Panel], blocks: Sequence[Array], k: int) -> Array:
    """Return ‖x_a‖² of every row of every array, (rows, k) float64."""
    norms = np.zeros((len(blocks[0]), k))
    for panel, block in zip(panels, blocks, strict=True):
        for piece, columns in panel.slices():
            norms[:, piece.index] += np.vecdot(block[:, columns], block[:, columns])
    return norms


def _add_squares(products: Array, total: Array, left: _Panel, right: _Panel) -> None:
    """Add ‖XᵀY‖² of every two arrays with columns in the panels to ``products``; overwrites ``total``."""
    np.square(total, out=total)
    row_starts = [columns.start for _, columns in left.slices()]
    column_starts = [columns.start for _, columns in right.slices()]
    squares = np.add.reduceat(np.add.reduceat(total, row_starts, axis=0), column_starts, axis=1)
    rows = [piece.index for piece in left.pieces]
    columns = [piece.index for piece in right.pieces]
    products[np.ix_(rows, columns)] += squares
    if left is not right:
        products[np.ix_(columns, rows)] += squares.T
