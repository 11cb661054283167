"""HDF5 files that are whole or absent, verifiable, and safe to open.

A file is a tree of :class:`Group` and :class:`Dataset`. :func:`write` makes one, :func:`read` opens one with lazy
arrays. This layer knows nothing of archives, results or training states, which all use it; its rules are section 1
of ``docs/archive.md``. The work is done in ``values`` (types), ``writing``, ``dimensions``, ``sink``, ``check``
(what may be opened), ``digests``, ``reading`` and ``lazy``.

>>> import tempfile
>>> from pathlib import Path
>>> import numpy as np
>>> path = Path(tempfile.mkdtemp()) / "rates.h5"
>>> rates = Dataset(np.ones((2, 3)), ("trial", "unit"), "Hz")
>>> _ = write(path, Group({"seed": 7}, {"rates": rates}))
>>> with read(path) as root:
...     print(root.attrs["seed"], root.children["rates"].data[0], root.children["rates"].units)
7 [1. 1. 1.] Hz
"""

from .lazy import LazyArray
from .nodes import Dataset, Group, Node, Sliceable, StreamedGroup
from .reading import File, content_digest, read, root_text
from .writing import write

__all__ = [
    "Dataset",
    "File",
    "Group",
    "LazyArray",
    "Node",
    "Sliceable",
    "StreamedGroup",
    "content_digest",
    "read",
    "root_text",
    "write",
]
