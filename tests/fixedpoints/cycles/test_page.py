"""The example in docs/cycles.md runs and prints what it says."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_page(capsys):
    page = (ROOT / "docs" / "cycles.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(example, "docs/cycles.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    promised = [line.removeprefix("# ") for line in example.splitlines() if line.startswith("# ")]
    assert len(printed) == len(promised) == 3
    for line, pattern in zip(printed, promised, strict=True):
        assert re.fullmatch(re.escape(pattern).replace("…", ".*"), line)
