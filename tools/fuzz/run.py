"""Run one fuzz target under atheris: python tools/fuzz/run.py TARGET [--seconds N]."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import logging
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGETS = sorted(
    path.stem
    for path in (HERE / "targets").glob("*.py")
    if path.stem not in ("__init__", "edits", "provider")
)
#: MiB of memory, of which Python, ROS and torch take more than half, and seconds for one input.
MOST_MEMORY, LONGEST = 2048, 20
_INSTRUMENTED = ["automask_ros", "rosbags"]


def main() -> None:
    """Make the corpus from the target's seeds where there is none, and hand over to libFuzzer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60, help="0: until a fault is found")
    parser.add_argument("--corpus", type=Path, default=HERE / "corpus", help="kept between runs")
    parser.add_argument("inputs", nargs="*", type=Path, help="only these, once each")
    options = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("automask: atheris is missing: pip install -r tools/fuzz/requirements.txt")
    sys.path.insert(0, str(HERE))
    with atheris.instrument_imports(include=_INSTRUMENTED):
        target = importlib.import_module(f"targets.{options.target}")
    logging.disable(logging.CRITICAL)  # of each damaged file it says so
    corpus = options.corpus / options.target
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    arguments = [
        sys.argv[0],
        f"-rss_limit_mb={MOST_MEMORY}",
        f"-timeout={LONGEST}",
        f"-artifact_prefix={corpus.parent}/{options.target}-",
        "-max_len=20000",
    ]
    if options.inputs:
        arguments += map(str, options.inputs)
    else:
        arguments += [f"-max_total_time={options.seconds}", str(corpus)]

    def check(data: bytes) -> None:
        target.check(data)

    atheris.Setup(arguments, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
