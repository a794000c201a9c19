"""Options of the whole suite."""

import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--soak",
        action="store_true",
        help="make faults by the hundreds and for hours, where otherwise a few are made",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "soak(why): made with --soak alone, and why")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--soak"):
        return
    for item in items:
        for mark in item.iter_markers("soak"):
            item.add_marker(pytest.mark.skip(reason=f"{mark.args[0]}: with --soak (make soak)"))


@pytest.fixture(scope="session")
def soak(request) -> bool:
    """Whether this is a long run."""
    return bool(request.config.getoption("--soak"))
