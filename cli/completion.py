"""``dynascope completion``: the line that switches on completion in a shell."""

import click

_LINES = {
    "bash": 'eval "$(_DYNASCOPE_COMPLETE=bash_source dynascope)"',
    "zsh": 'eval "$(_DYNASCOPE_COMPLETE=zsh_source dynascope)"',
    "fish": "_DYNASCOPE_COMPLETE=fish_source dynascope | source",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(sorted(_LINES)))
def command(shell: str) -> None:
    """Print the line that switches on completion; add it to your shell's start-up file.

    \b
    Example:
      dynascope completion bash >> ~/.bashrc
    """
    click.echo(_LINES[shell])
