"""A self-contained HTML page: text, tables, pictures and the commands that made them."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path

from .. import files

_STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2.4rem; }
.lead { color: #555; margin-top: 0; } figure { margin: 1rem 0; } img { max-width: 100%; height: auto; }
figcaption { color: #555; font-size: .9rem; } table { border-collapse: collapse; margin: .8rem 0; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #ddd; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f5f5f2; padding: .7rem .9rem; }
pre { font-size: .85rem; border-radius: 4px; }
"""


class Page:
    """A page that is put together piece by piece and written as one file without any link to the outside."""

    def __init__(self, title: str, lead: str) -> None:
        self.title = title
        self._parts = [f"<h1>{html.escape(title)}</h1>", f'<p class="lead">{html.escape(lead)}</p>']

    def heading(self, text: str) -> None:
        """Add a section heading."""
        self._parts.append(f"<h2>{html.escape(text)}</h2>")

    def text(self, *paragraphs: str) -> None:
        """Add paragraphs of plain text."""
        self._parts += [f"<p>{html.escape(paragraph)}</p>" for paragraph in paragraphs]

    def picture(self, path: str | Path, caption: str) -> None:
        """Add a PNG or SVG file, embedded."""
        path = Path(path)
        kind = "svg+xml" if path.suffix == ".svg" else path.suffix.removeprefix(".")
        data = base64.b64encode(path.read_bytes()).decode()
        size = "" if path.suffix == ".svg" else f' width="{_shown_width(path)}"'
        text = html.escape(caption)
        image = f'<img alt="{text}"{size} src="data:image/{kind};base64,{data}">'
        self._parts.append(f"<figure>{image}<figcaption>{text}</figcaption></figure>")

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table; cells that begin with a digit or sign are aligned as numbers."""
        head = "".join(f"<th{_kind(row)}>{html.escape(name)}</th>" for name, row in zip(header, rows[0], strict=True))
        body = "".join(
            "<tr>" + "".join(f"<td{_kind(cell)}>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
        )
        self._parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")

    def commands(self, *lines: str) -> None:
        """Add commands as a user would type them."""
        self._parts.append(f"<pre>{html.escape(chr(10).join(lines))}</pre>")

    def write(self, path: str | Path) -> Path:
        """Write the page, whole or not at all."""
        head = f'<meta charset="utf-8"><title>{html.escape(self.title)}</title><style>{_STYLE}</style>'
        body = "\n".join(self._parts)
        return files.write_text(path, f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n')


def _shown_width(path: Path) -> int:
    """Return the width at which a PNG is shown, so that letters have one size in all pictures of a page."""
    pixels = int.from_bytes(path.read_bytes()[16:20], "big")
    return round(0.62 * pixels)


def _kind(cell: str) -> str:
    return ' class="number"' if cell[:1].isdigit() or (cell[:1] in "+−-" and cell) else ""
