"""All of it: an environment for the renderer, the pictures, the measurement, the guide's pictures.

    .venv/bin/python tools/guide/run.py --out OUT [--label cup] [--seed 1] [--masks]

Run it with the project's own Python; the renderer gets an environment in OUT/venv.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--python", default="python3.11", help="What makes the renderer's venv.")
    parser.add_argument("--label", default="cup")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--views", type=int, default=40)
    parser.add_argument("--masks", action="store_true", help="Masks alone, no training.")
    given = parser.parse_args()
    renderer = given.out / "venv" / "bin" / "python"
    if not renderer.exists():
        run(given.python, "-m", "venv", given.out / "venv")
        run(renderer, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt")
    common = ("--out", given.out, "--label", given.label, "--seed", given.seed)
    if not (given.out / "objects" / given.label / "parts.json").exists():
        run(renderer, HERE / "export_objects.py", "--out", given.out / "objects")
    run(renderer, HERE / "render_ways.py", *common)
    masks = ["--masks"] if given.masks else []
    run(sys.executable, HERE / "measure.py", *common, "--views", given.views, *masks)
    run(sys.executable, HERE / "pictures.py", "--out", given.out, "--label", given.label)


if __name__ == "__main__":
    main()
