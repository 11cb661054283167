"""Where a file came from: software, version, commit, command and time."""

import datetime
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

from . import __version__

# Attributes that differ between two identical computations; a content digest leaves them out.
VOLATILE = ("created", "command", "software_version", "git_commit")


def describe() -> dict[str, str]:
    """Return the provenance attributes that every archive and result carries."""
    return {
        "software": "dynascope",
        "software_version": __version__,
        "git_commit": git_commit(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command_line(),
    }


def command_line() -> str:
    """Return the command of this process as a user would type it."""
    program = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    return shlex.join([program, *sys.argv[1:]])


@cache
def git_commit() -> str:
    """Return the commit of the source checkout, or an empty string for an installed copy."""
    root = Path(__file__).resolve().parent
    if not (root / ".git").exists():
        return ""
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
