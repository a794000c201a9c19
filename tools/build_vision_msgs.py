"""Build interfaces/vision_msgs into the virtual environment whose Python runs this script.

Does nothing when what is there was built from the same sources.
"""

import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).resolve().parent.parent / "interfaces" / "vision_msgs"


def sources_digest() -> str:
    """Return a digest of all that decides what gets built."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted((Path(__file__), *SOURCE.rglob("*"))):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def correct_include_paths(prefix: Path) -> None:
    """Point the CMake exports of the ROS wheels at this machine's Python and NumPy headers.

    The wheels were built below /opt/python/cpXY-cpXY, and their exported targets still name the
    include folders there.
    """
    headers = sysconfig.get_path("include")
    for export in prefix.glob("share/*/cmake/*.cmake"):
        text = export.read_text()
        corrected = re.sub(r'/opt/python/[^;"]*/numpy/(_core|core)/include', np.get_include(), text)
        corrected = re.sub(r'/opt/python/[^;"]*/include/python3\.\d+', headers, corrected)
        if corrected != text:
            export.write_text(corrected)


def build_environment(prefix: Path) -> dict[str, str]:
    """Return the environment in which CMake and the message generators find each other."""
    environment = dict(os.environ)
    prefixes = [str(prefix), environment.get("AMENT_PREFIX_PATH", "")]
    environment["AMENT_PREFIX_PATH"] = os.pathsep.join(filter(None, prefixes))
    environment["PATH"] = os.pathsep.join([str(prefix / "bin"), environment["PATH"]])
    return environment


def build(prefix: Path) -> None:
    """Configure, build and install the package into `prefix`; the build folder is temporary."""
    environment = build_environment(prefix)
    with tempfile.TemporaryDirectory(prefix="vision_msgs_") as folder:
        configure = [
            *("cmake", "-S", str(SOURCE), "-B", folder, "-Wno-dev"),
            "--log-level=WARNING",
            f"-DCMAKE_INSTALL_PREFIX={prefix}",
            f"-DCMAKE_PREFIX_PATH={environment['AMENT_PREFIX_PATH'].replace(os.pathsep, ';')}",
            f"-DPython3_EXECUTABLE={sys.executable}",
            "-DCMAKE_INSTALL_MESSAGE=NEVER",
            "-DBUILD_TESTING=OFF",
        ]
        jobs = str(os.cpu_count() or 1)
        install = ["cmake", "--build", folder, "--parallel", jobs, "--target", "install"]
        for command in (configure, install):
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode != 0:
                output = f"{done.stdout}{done.stderr}"
                sys.exit(f"{output}\nautomask: building vision_msgs failed (see above)")


def main() -> None:
    """Build when needed; the digest is written last, so that a build cut short counts as none."""
    prefix = Path(sys.prefix)
    stamp = prefix / "share" / "vision_msgs" / "built_from"
    digest = sources_digest()
    if stamp.is_file() and stamp.read_text() == digest:
        return
    stamp.unlink(missing_ok=True)
    correct_include_paths(prefix)
    build(prefix)
    stamp.write_text(digest)


if __name__ == "__main__":
    main()
