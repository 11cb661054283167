"""The matrices of a level 5 MATLAB file: numbers, text, sparse matrices, and cells and structs that hold others."""

import math
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from ..limits import OBJECT_BYTES, Budget
from ..placing import Unusable
from ..storage import printable
from .sparse import full_matrix
from .streams import Inflated, Plain, Truncated

Array = npt.NDArray[Any]

MATRIX = 14
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE, _FUNCTION, _OPAQUE = 1, 2, 3, 4, 5, 16, 17
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
# Text is stored in an encoding, or as numbers that are Unicode.
_ENCODINGS = {1: "latin-1", 2: "latin-1", 3: "utf-16", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_COMPLEX, _LOGICAL = 0x0800, 0x0200
_LONGEST_SHORT = 2**20
_MAX_AXES = 32


class Matrices:
    """Reads the matrices of one variable.

    Parameters
    ----------
    stream
        Its bytes.
    order
        ``"<"`` or ``">"``: which byte of a number comes first.
    budget
        What may be read.
    """

    def __init__(self, stream: Plain | Inflated, order: str, budget: Budget) -> None:
        self.stream, self.order, self.budget = stream, order, budget

    def matrix(self, length: int, where: str, depth: int) -> tuple[str, Any]:
        """Return name and value of a matrix whose content has ``length`` bytes.

        Raises
        ------
        ArchiveError
            If it is damaged, too large or too deep.
        Truncated
            If a part is longer than what holds it.
        """
        self.budget.descend(where, depth)
        self.budget.meet(where)
        self.budget.spend(OBJECT_BYTES, where)
        if not length:
            return "", np.empty((0, 0))
        content = _Content(self, length)
        word = struct.unpack(f"{self.order}II", content.short()[:8])[0]
        kind = word & 0xFF
        if kind == _OPAQUE:
            texts = [content.short().decode("latin-1") for _ in range(3)]
            content.leave()
            return texts[0], Unusable(f"a MATLAB object of class {printable(texts[2])}")
        axes = content.short()
        shape = struct.unpack(f"{self.order}{len(axes) // 4}i", axes[: len(axes) // 4 * 4])
        name = printable(content.short().decode("utf-8", "replace"))
        where = f"{where}, {name!r}" if name else where
        if not 2 <= len(shape) <= _MAX_AXES or min(shape) < 0:
            raise self.budget.refusal(where, f"shape {shape}", "two or more axes of length 0 or more")
        value = self._value(kind, word, shape, content, where, depth)
        content.leave()
        return name, value

    def _value(self, kind: int, word: int, shape: tuple[int, ...], content: "_Content", where: str, depth: int) -> Any:
        if kind == _CELL:
            return self._cells(shape, content, where, depth)
        if kind == _STRUCT:
            return self._structs(math.prod(shape), content, where, depth)
        if kind == _CHAR:
            return self._text(shape, content, where)
        if kind == _SPARSE:
            return self._sparse(shape, content, where, word)
        if kind in _CLASSES:
            numbers = self._numbers(math.prod(shape), _CLASSES[kind], content, where)
            if word & _COMPLEX:
                numbers = numbers + 1j * self._numbers(math.prod(shape), _CLASSES[kind], content, where)
            numbers = numbers != 0 if word & _LOGICAL else numbers
            return numbers.reshape(shape, order="F")
        names = {_OBJECT: "a MATLAB object", _FUNCTION: "a MATLAB function"}
        return Unusable(names.get(kind, f"of class number {kind}"))

    def _numbers(self, count: int, dtype: str, content: "_Content", where: str) -> Array:
        stored, length = content.begin()
        if stored not in _STORED or length != count * np.dtype(_STORED[stored]).itemsize:
            raise self.budget.refusal(where, f"{length} bytes of type {stored}", f"{count} values")
        self.budget.spend(length + count * np.dtype(dtype).itemsize, where)
        return np.frombuffer(content.data(length), self.order + _STORED[stored]).astype(dtype)

    def _text(self, shape: tuple[int, ...], content: "_Content", where: str) -> Any:
        """Return one text, or the rows of a character array."""
        stored, length = content.begin()
        count = math.prod(shape)
        if stored not in _ENCODINGS or count > max(length, _LONGEST_SHORT):
            raise self.budget.refusal(where, f"{length} bytes of type {stored}", f"{count} characters")
        self.budget.spend(length + 8 * count, where)
        encoding = _ENCODINGS[stored]
        if encoding.startswith("utf-") and encoding != "utf-8":
            encoding += "-le" if self.order == "<" else "-be"
        text = printable(content.data(length).decode(encoding, "replace"))
        if shape[0] <= 1:
            return text
        letters = np.array(list(text.ljust(count)[:count]), dtype="U1").reshape(shape[0], -1, order="F")
        return np.array(["".join(row).rstrip() for row in letters], dtype=str)

    def _sparse(self, shape: tuple[int, ...], content: "_Content", where: str, word: int) -> Array:
        parts: list[Array] = []
        for number in range(4 if word & _COMPLEX else 3):
            stored, length = content.begin()
            if stored not in _STORED:
                raise self.budget.refusal(where, f"values of type {stored}", "numbers")
            self.budget.spend(2 * length, where)
            # MATLAB keeps truth values in a byte each and says that they are doubles.
            kind = "u1" if number == 2 and word & _LOGICAL else self.order + _STORED[stored]
            parts.append(np.frombuffer(content.data(length), kind).copy())
        rows, ends, values = parts[:3]
        used = int(ends[-1]) if len(ends) else 0  # rows and values may have room for more
        if word & _COMPLEX:
            values = values[:used] + 1j * parts[3][:used]
        return full_matrix(self.budget, where, shape[0], values[:used], rows[:used], ends)

    def _cells(self, shape: tuple[int, ...], content: "_Content", where: str, depth: int) -> Array:
        values = self._inner(math.prod(shape), content, where, depth)
        cells = np.empty(len(values), object)
        for index, value in enumerate(values):
            cells[index] = value
        return cells.reshape(shape, order="F")

    def _structs(self, count: int, content: "_Content", where: str, depth: int) -> Any:
        """Return a struct as a dict, a struct array as a list of them."""
        (width,) = struct.unpack(f"{self.order}i", content.short()[:4])
        text = content.short()
        if width < 1:
            raise self.budget.refusal(where, f"field names of {width} bytes", "one or more")
        names: list[str] = []
        for begin in range(0, len(text) // width * width, width):
            name = text[begin : begin + width].partition(b"\0")[0].decode("utf-8", "replace")
            names.append(printable(name) + "_" * sum(known.rstrip("_") == name for known in names))
        values = self._inner(count * len(names), content, where, depth)
        elements = [
            dict(zip(names, values[row * len(names) :], strict=False)) for row in range(min(count, len(values)))
        ]
        return elements[0] if len(elements) == 1 else elements or {}

    def _inner(self, count: int, content: "_Content", where: str, depth: int) -> list[Any]:
        if 8 * count > content.left:
            raise self.budget.refusal(where, f"{content.left} bytes", f"{count} matrices")
        values = []
        for _ in range(count):
            kind, length = content.begin()
            if kind != MATRIX:
                raise self.budget.refusal(where, f"an element of type {kind}", "a matrix")
            values.append(self.matrix(length, where, depth + 1)[1])
            content.left -= length
        return values


class _Content:
    """The elements of one matrix; ``left`` bytes of it have not been read."""

    def __init__(self, matrices: Matrices, length: int) -> None:
        self._stream, self._order = matrices.stream, matrices.order
        self.left = length
        self._in_tag = b""

    def begin(self) -> tuple[int, int]:
        """Return type and length of the next element; four bytes or fewer may lie in its tag."""
        tag = self._take(8)
        (word,) = struct.unpack(f"{self._order}I", tag[:4])
        if word >> 16:
            self._in_tag = tag[4:]
            if word >> 16 > 4:
                raise Truncated
            return word & 0xFFFF, word >> 16
        self._in_tag = b""
        (length,) = struct.unpack(f"{self._order}I", tag[4:])
        if length > self.left:
            raise Truncated
        return word, length

    def data(self, length: int) -> bytes:
        """Return the data of the element that was begun, and leave out what fills them to eight bytes."""
        if self._in_tag:
            return self._in_tag[:length]
        found = self._take(length)
        self._skip(min(-length % 8, self.left))
        return found

    def short(self) -> bytes:
        """Return the data of a whole element that is a list of names or numbers."""
        _, length = self.begin()
        if length > _LONGEST_SHORT:
            raise Truncated
        return self.data(length)

    def leave(self) -> None:
        """Leave out the rest."""
        self._skip(self.left)

    def _take(self, count: int) -> bytes:
        if count > self.left:
            raise Truncated
        self.left -= count
        return self._stream.read(count)

    def _skip(self, count: int) -> None:
        self.left -= count
        self._stream.skip(count)
