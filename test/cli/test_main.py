import importlib
import resource
import subprocess
import sys

import click
import pytest

from automask_ros.cli.main import COMMANDS, automask, main
from automask_ros.cli.options import NumberRange

AUTOMASK = [sys.executable, "-m", "automask_ros.cli.main"]


def test_help_names_every_command_and_is_quick():
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    finished = subprocess.run([*AUTOMASK, "--help"], capture_output=True, text=True, check=True)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 5.0
    assert all(f"\n  {command} " in finished.stdout for command in COMMANDS)


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from automask_ros.cli.main import main; code = main(['--help'])\n"
        "heavy = {'torch', 'cv2', 'numpy', 'rclpy', 'onnxruntime', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(code or ' '.join(sorted(heavy)) or 0)"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_and_an_example(command, capsys):
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"Usage: automask {command}" in shown
    if command not in ("doctor", "demo"):  # these run without any argument
        assert f"automask {command}" in shown.partition("Example")[2]
    assert COMMANDS[command].split(";")[0].split(":")[0] in " ".join(shown.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_the_list_of_commands_says_what_the_commands_say(command):
    help_text = automask.get_command(click.Context(automask), command).help
    assert " ".join(help_text.split("\n\n")[0].split()) == COMMANDS[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_no_option_takes_what_is_no_number(command):
    options = automask.get_command(click.Context(automask), command).params
    ranges = [each.type for each in options if isinstance(each.type, click.types.FloatParamType)]
    assert all(isinstance(each, NumberRange) for each in ranges)


def test_version(capsys):
    from automask_ros import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"automask, version {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nope"], "automask: No such command 'nope'."),
        (["teach"], "automask: Missing argument 'SOURCE'."),
        (["add", "x", "--label", "mug"], "automask: Missing option '--library'."),
        (["train", "--library", "x", "--iterations", "0"], "automask: Invalid value for"),
        (["train", "--library", "x", "--min-ap50", "nan"], "automask: Invalid value for"),
        (["export", "--library", "x", "-o", "y", "--val", "nan"], "automask: Invalid value for"),
        (["import", "x", "--library", "x", "--tolerance", "inf"], "automask: Invalid value for"),
        (["train", "--bogus"], "automask: No such option"),
    ],
)
def test_wrong_usage_is_one_line(arguments, line, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(line)
    assert captured.err.count("\n") == 1


def test_no_arguments_show_the_help(capsys):
    assert main([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_a_missing_package_is_one_line(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "automask_ros.cli.train", None)
    monkeypatch.setattr(importlib, "import_module", lambda name: __import__("not_there_at_all"))
    assert main(["train"]) == 2
    assert capsys.readouterr().err == (
        "automask: not_there_at_all is not installed; see what is: automask doctor\n"
    )
