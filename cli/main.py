"""The ``dynascope`` command: a map of subcommands that are imported when chosen, and the exit codes.

0 done; 1 ran but failed; 2 bad usage or bad input, one line on stderr; 3 stopped but resumable; 70 a bug of ours,
with the traceback in a log file; 130 Ctrl-C.
"""

import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from .. import __version__
from ..errors import DynascopeError, unknown_name

# Name → one line for the map. Module cli/<name>.py (or as MODULES says) holds the command in a variable named
# `command`; importing it only when chosen keeps `dynascope --help` from loading torch.
COMMANDS = {
    "demo": "Run the main job on real work: train, export, fixed points, CKA, a report.",
    "train": "Train networks on a task, resumably.",
    "sweep": "Train the networks of a grid on several workers, resumably.",
    "export": "Replay trained networks and write activity archives.",
    "import": "Read an NWB, MATLAB, NumPy or text file and write an activity archive.",
    "convert": "Write a recording as NWB, LFADS-style HDF5 or a NumPy archive.",
    "info": "Print what an archive holds.",
    "validate": "Check archives: structure, sizes, and every bit against the digest.",
    "fixedpoints": "Find, certify and linearise the fixed points of a trained network.",
    "continue": "Follow fixed points along an input, a weight scale or through training.",
    "emergence": "Follow fixed points through training: where memories and other attractors arise.",
    "lyapunov": "Measure the Lyapunov exponents of a trained network.",
    "cka": "Compare the representations of networks or recordings.",
    "similarity": "Compare networks or recordings by any measure: CCA, Procrustes, RSA, prediction, dynamics.",
    "subspaces": "Find the subspaces of activity: components, angles between epochs, rotation, task axes.",
    "recover": "Score how well student networks recover a teacher's activity.",
    "raster": "Draw single trials spike by spike, and measure the firing rates of cell types.",
    "bursts": "Split spikes into bursts and single spikes, and compare what the two codes tell.",
    "psth": "Average activity over trials: conditions, preferred conditions, stages of training.",
    "decode": "Decode a trial column from activity: at every time, by decoders trained at every time.",
    "dpca": "Split activity into components that depend on one factor, one interaction, or time.",
    "selectivity": "Test every unit for the conditions of the trials, and select the units that respond.",
    "tuning": "Measure tuning curves and fit them.",
    "unit": "Show one unit: its activity in every condition and its tuning.",
    "periods": "Compare the activity of units in one epoch between stages of training.",
    "directions": "Count the units that two tasks or epochs share, and compare what they prefer.",
    "saccades": "Show how far responses land from where they should, at stages of training.",
    "plot-loss": "Compare the loss curves of connectome networks trained on one grid, by label.",
    "cell": "Simulate a published single cell with dendrites, with and without drugs.",
    "reproduce": "Run a published study again and print our figures beside its own.",
    "completion": "Print the line that switches on shell completion.",
}
# Words that Python keeps for itself, or cannot spell.
MODULES = {"continue": "continuation", "import": "importing", "plot-loss": "plot_loss"}
FAILED = 1
BUG = 70
INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group whose commands are modules of this room, imported when chosen."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the map."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{MODULES.get(cmd_name, cmd_name)}", package=__package__)
        found = module.command
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the chosen command; a misspelt name is answered with the nearest one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(unknown_name("command", args[0], COMMANDS), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the map without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


EPILOG = """\b
Examples:
  dynascope demo
  dynascope train three_body flip_flop --set model.kind=lowrank_tbrnn -o runs/tb
  dynascope export runs/tb --network best -o tb.h5
  dynascope fixedpoints tb.h5 -o fixed_points

Exit codes: 0 done, 1 ran but failed, 2 bad usage or input, 3 stopped but resumable, 70 a bug, 130 Ctrl-C.
"""


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="dynascope")
def cli() -> None:
    """Train a network or bring a recording, get an activity archive, and ask what dynamics it holds."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code, with one line on stderr for anything refused."""
    try:
        result = cli.main(args=arguments, prog_name="dynascope", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return 2
    except click.ClickException as error:
        return _refuse(error.format_message(), error.exit_code, getattr(error, "ctx", None))
    except DynascopeError as error:
        return _refuse(str(error), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except MemoryError as error:
        return _refuse(f"not enough memory ({error})", FAILED)
    except BrokenPipeError:
        # The reader of our output has gone (as in `| head`); nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:  # noqa: BLE001  (the last line of defence: a bug must leave a log, not a traceback)
        return _report_bug()


def main() -> NoReturn:
    """Run the command line of this process and exit with its code."""
    sys.exit(run())


def _refuse(message: str, code: int, ctx: click.Context | None = None) -> int:
    where = ctx.command_path if ctx else "dynascope"
    line = " ".join(message.split())
    click.echo(f"{where}: {line}", err=True)
    return code


def _report_bug() -> int:
    descriptor, path = tempfile.mkstemp(prefix="dynascope-", suffix=".log", text=True)
    with os.fdopen(descriptor, "w") as log:
        log.write(f"dynascope {__version__}, Python {sys.version}\n{sys.argv}\n{traceback.format_exc()}")
    kind, value, _ = sys.exc_info()
    name = kind.__name__ if kind else "error"
    click.echo(
        f"dynascope: this is a bug in dynascope ({name}: {' '.join(str(value).split())[:200]}); traceback in {path}",
        err=True,
    )
    return BUG
