"""A real browser for tests of pages: Chromium as the system has it, driven by Playwright.

Where there is none a test is skipped with a word on what to install. With CI set in the environment
it fails instead: there, nothing may be left out unnoticed.
"""

import os
import shutil
from contextlib import contextmanager

import pytest

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
REMEDY = "sudo apt install chromium-headless-shell fonts-dejavu-core"


@contextmanager
def chromium():
    """A running browser without a window, for as long as the context lasts."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        _missing("playwright is not installed: make .venv, or pip install playwright")
    # None: the one that `playwright install` brings, if somebody called that.
    path = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        try:
            # Root has no sandbox to go into; everyone else keeps it.
            browser = playwright.chromium.launch(
                executable_path=path, chromium_sandbox=os.geteuid() != 0
            )
        except Error as error:
            if path is not None or "Executable doesn't exist" not in str(error):
                raise
            _missing(f"no Chromium on the PATH: {REMEDY}")
        try:
            yield browser
        finally:
            browser.close()


def _missing(reason):
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
