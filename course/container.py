"""The command that runs the checks in a container, and the one that ends it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ENGINES = ("podman", "docker")
PROCESSES = 256


class ContainerError(Exception):
    """There is no program to run containers."""


def command(
    image: str,
    name: str,
    folder: Path,
    memory: int,
    environment: Mapping[str, str],
    arguments: Sequence[str],
) -> list[str]:
    """Return the command that runs Python in a container without a network.

    Args:
        image: with Python and the students' packages.
        name: of the container.
        folder: the working folder. It may write there and beside it; the path is the same inside.
        memory: bytes for all its processes together.
        environment: its variables.
        arguments: for Python.

    Raises:
        ContainerError: if there is neither podman nor docker.
    """
    engine = _engine()
    options = [
        "--rm",
        "--interactive",
        f"--name={name}",
        "--network=none",
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--security-opt=label=disable",  # SELinux would hide the folder
        f"--memory={memory}",
        f"--memory-swap={memory}",
        f"--pids-limit={PROCESSES}",
        f"--volume={folder.parent}:{folder.parent}",
        f"--workdir={folder}",
        *(f"--env={key}={value}" for key, value in environment.items()),
    ]
    if Path(engine).name == "docker":  # podman's root is the user outside
        options.append(f"--user={os.getuid()}:{os.getgid()}")
    return [engine, "run", *options, image, "python3", *arguments]


def end(name: str) -> None:
    """End a container, if it still runs."""
    subprocess.run([_engine(), "rm", "--force", name], capture_output=True)


def _engine() -> str:
    found = next(filter(None, map(shutil.which, ENGINES)), None)
    if found is None:
        raise ContainerError(f"--container needs {' or '.join(ENGINES)}, and finds neither.")
    return found
