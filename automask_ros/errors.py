"""The one error that is meant for a person's eyes."""


class AutomaskError(Exception):
    """Something the user can put right: one line that names the cause and the remedy.

    The command line prints it as ``automask: <line>`` and exits with 2; nodes log it and report it
    to ``/diagnostics``. Anything else that is raised is a defect of this package.
    """
