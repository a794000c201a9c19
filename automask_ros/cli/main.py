"""The command `automask`: finds its subcommands, and turns every error into one line."""

from __future__ import annotations

import importlib
import keyword
import logging
import os
import sys
from collections.abc import Sequence

import click

from automask_ros import __version__
from automask_ros.errors import AutomaskError
from automask_ros.memory import clear_memory_errors

#: Command -> one line of help. Its code is in a module of that name ('-' as '_'), and is imported
#: only when the command is used: `automask --help` needs neither torch nor ROS.
COMMANDS = {
    "teach": "Teach one object: views, masks, training, evaluation, promotion.",
    "add": "Add views of one object and make their masks; train nothing.",
    "train": "Train a new model on all accepted masks of a library.",
    "rollback": "Make the model live again that was live before this one; nothing is deleted.",
    "evaluate": "Measure the current model's mask AP against COCO annotations.",
    "evaluate-masks": "Measure the automatic masks against people's polygons.",
    "train-fcn": "Train the paper's FCN on SceneParse150, or add taught objects to an FCN.",
    "evaluate-fcn": "Measure an FCN on SceneParse150: the benchmark's four figures, and IoU "
    "per class.",
    "detect": "Find the taught objects in images or a recording.",
    "report": "Show every mask with its verdict in one HTML file, the worst ones first.",
    "regenerate": "Make masks anew: of all objects, of one, or of single views.",
    "veto": "Take views out of training, or back in; nothing is deleted.",
    "export": "Write views and masks as COCO or YOLO, to redraw or to train elsewhere.",
    "import": "Take masks that people drew, and whole annotated sets with their pictures.",
    "fetch": "Take views or a model of another library, such as another robot's, into this one.",
    "check": "Say what is whole and what is not; exit code 1 when something is not.",
    "benchmark": "Measure quality and speed, side by side with others.",
    "doctor": "Say what this machine has and what is missing.",
    "demo": "Teach three objects from the sample recording with the real nodes, then test the "
    "detector.",
}

BAD_INPUT = 2
INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        if keyword.iskeyword(name):
            name += "_"
        command: click.Command = getattr(importlib.import_module(f"automask_ros.cli.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="automask")
def automask() -> None:
    """Teach a robot an object by its name: masks are made automatically, then Mask R-CNN learns.

    \b
    Example:
      automask teach --library my_objects --label mug photos_of_the_mug/
      automask detect --library my_objects scene.mcap --output found/
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit code: 0, 2 for bad input, 130 when interrupted."""
    # OpenMP's threads wait asleep, not spinning: on a small machine other processes need the cores.
    # Read when torch is loaded, which the commands do late.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    logging.basicConfig(level=logging.WARNING, format="automask: %(message)s", stream=sys.stderr)
    try:
        with clear_memory_errors():
            result = automask.main(arguments, prog_name="automask", standalone_mode=False)
    except (AutomaskError, OSError) as error:
        return _complain(_described(error), BAD_INPUT)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return BAD_INPUT
    except click.ClickException as error:
        return _complain(" ".join(error.format_message().split()), BAD_INPUT)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("automask_ros"):
            raise
        return _complain(f"{error.name} is not installed; see what is: automask doctor", BAD_INPUT)
    except ImportError as error:  # a version that does not fit, a library of the system
        return _complain(f"{' '.join(str(error).split())}; see why: automask doctor", BAD_INPUT)
    except (click.Abort, KeyboardInterrupt):
        return _complain("interrupted; what was kept so far is whole, run it again", INTERRUPTED)
    # Commands return their exit code, or None for success.
    return result if isinstance(result, int) else 0


def _described(error: Exception) -> str:
    if isinstance(error, AutomaskError):
        return str(error)
    return f"{error}; see whether its disk is there, has room and may be used"


def _complain(line: str, code: int) -> int:
    click.echo(f"automask: {line}", err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
