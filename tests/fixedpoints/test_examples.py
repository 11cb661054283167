"""The examples in the pages on fixed points run and print what they say."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("page", ["fixedpoints", "landscape", "following", "cycles", "emergence"])
def test_page(page, capsys):
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert examples
    promised = [line.removeprefix("# ") for line in "".join(examples).splitlines() if line.startswith("# ")]
    namespace = {}
    for example in examples:
        exec(compile(example, f"docs/{page}.md", "exec"), namespace)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(promised) > 0
    for line, pattern in zip(printed, promised, strict=True):
        assert re.fullmatch(re.escape(pattern).replace("…", ".*"), line)
