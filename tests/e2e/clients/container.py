"""Replaces the container that ``seedfarmer apply --local`` builds in, as a program named ``docker`` on the path.

The original is AWS's image ``public.ecr.aws/codebuild/local-builds``. It mounts a folder, reads the build's variables
from a file, and runs the commands of the buildspec, phase by phase, in one shell; a command that fails ends its phase
and, with ``on-failure: ABORT``, the build. See
https://docs.aws.amazon.com/codebuild/latest/userguide/use-codebuild-agent.html and
https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html

This does the same on the host, with these differences: the home is a temporary folder that also has ``/root`` and
``/var/scripts``, and Python and Node are the host's.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

IMAGE = "public.ecr.aws/codebuild/local-builds:latest"
PHASES = ("install", "pre_build", "build", "post_build")

_INHERITED = ("PIP_", "UV_", "npm_config_", "JSII_", "CDK_VALIDATION")
"""Prefixes of the variables that configure package registries, which in a container the image's files would, and the
variable that skips the CDK's own slow check of the template."""

_COMMAND = """echo {announcement}
eval {command}
status=$?
if [ $status -ne 0 ]; then
  echo {failure} "exit status $status" >&2
  exit $status
fi
"""


def parse(arguments: list[str]) -> tuple[dict[str, str], dict[str, Path]]:
    """Parses a ``docker run``.

    Args:
        arguments: the arguments of ``docker``.

    Returns:
        The variables by name, and the host's folders by their paths in the container.

    Raises:
        ValueError: this is not SeedFarmer's call.
    """
    if arguments[:1] != ["run"] or arguments[-1] != IMAGE:
        raise ValueError(f"this replaces docker run ... {IMAGE} only, not: {shlex.join(arguments)}")
    variables: dict[str, str] = {}
    mounts: dict[str, Path] = {}
    for option, value in zip(arguments[1:-1:2], arguments[2:-1:2], strict=True):
        left, _, right = value.partition(":" if option == "-v" else "=")
        if option == "-v":
            mounts[right] = Path(left)
        elif option == "-e":
            variables[left] = right
        else:
            raise ValueError(f"docker run {option} is not supported")
    return variables, mounts


def script(buildspec: dict[str, Any]) -> Iterator[str]:
    """Converts the buildspec to lines of a bash script."""
    for phase in PHASES:
        yield f"echo '[Container] Entering phase {phase}'\n"
        for command in buildspec["phases"].get(phase, {}).get("commands", []):
            yield _COMMAND.format(
                announcement=shlex.quote(f"[Container] Running command {command}"),
                command=shlex.quote(command),
                failure=shlex.quote(f"[Container] Phase {phase} failed: command {command}:"),
            )


def build(variables: dict[str, str], mounts: dict[str, Path], host: dict[str, str], home: Path) -> int:
    """Runs a build.

    Args:
        variables: the container's variables.
        mounts: the host's folders by their paths in the container.
        host: the host's environment.
        home: an empty folder.

    Returns:
        The exit code of the command that failed; 0 if none did.
    """
    (settings,) = (folder for inside, folder in mounts.items() if inside.startswith("/LocalBuild/envFile"))
    given = (settings / variables["ENV_VAR_FILE"]).read_text().splitlines()
    environment = {
        "PATH": host["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "CODEBUILD_SRC_DIR": variables["SOURCE"].rstrip("/"),
    }
    environment |= {name: value for name, value in host.items() if name.startswith(_INHERITED)}
    environment |= {name: value for name, value in variables.items() if name.startswith("AWS_")}
    environment |= dict(line.split("=", 1) for line in given)
    buildspec = yaml.safe_load(Path(variables["BUILDSPEC"]).read_text())
    text = "".join(script(buildspec)).replace("/root/", f"{home}/").replace("/var/scripts", f"{home}/scripts")
    file = home / "build.sh"
    file.write_text(text)
    return subprocess.run(
        [buildspec["env"]["shell"], str(file)], cwd=environment["CODEBUILD_SRC_DIR"], env=environment, check=False
    ).returncode


def main() -> int:
    """Runs the ``docker`` command."""
    try:
        variables, mounts = parse(sys.argv[1:])
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a command's message
        return 125
    with tempfile.TemporaryDirectory(prefix="build-") as home:
        return build(variables, mounts, dict(os.environ), Path(home))


if __name__ == "__main__":
    sys.exit(main())
