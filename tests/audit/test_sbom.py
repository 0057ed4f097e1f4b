"""The bill of materials: valid, complete, and the same each time."""

import json
import re
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from requirements import sbom

PROJECT = sbom.PROJECT
LOCKS = ["requirements.txt", *(f"requirements/{name}.txt" for name in ("local", "dev", "audit", "clients"))]


@pytest.fixture(scope="module")
def bom(clients_installed: None) -> dict[str, Any]:  # noqa: ARG001 - they are listed
    """The output of make sbom."""
    return sbom.bom()


def named(bom: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The components, by name and version."""
    return {(canonicalize_name(item["name"]), item["version"]): item for item in bom["components"]}


def test_valid(bom: dict[str, Any]) -> None:
    """It is valid by CycloneDX's schema, and lists each component once."""
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 - slow to import
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415 - as above

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bom)) is None
    references = [component["bom-ref"] for component in bom["components"]]
    assert len(set(references)) == len(references)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_python_package(lock: str, bom: dict[str, Any]) -> None:
    """Every package of each lock is listed in its locked version; shipped ones are marked as required."""
    components = named(bom)
    packages = sbom.locked(lock)
    assert packages
    assert not packages.items() - components.keys()
    if lock == "requirements.txt":
        assert {components[package]["scope"] for package in packages.items()} == {"required"}


def test_every_locked_npm_package(bom: dict[str, Any]) -> None:
    """Every package of npm's lock is listed in its locked version."""
    lock = json.loads((PROJECT / "package-lock.json").read_text())["packages"]
    locked = {(path.rpartition("node_modules/")[2], entry["version"]) for path, entry in lock.items() if path}
    components = {(item["name"], item["version"]) for item in bom["components"] if "pkg:npm/" in item["purl"]}
    assert components == locked


def test_every_component_has_its_licence(bom: dict[str, Any]) -> None:
    """Every package has a licence."""
    assert [item["bom-ref"] for item in bom["components"] if not sbom.licences(item)] == []


def test_reproducible(bom: dict[str, Any]) -> None:
    """It does not depend on time, chance or this machine."""
    text = json.dumps(bom)
    assert "serialNumber" not in bom
    assert "timestamp" not in bom["metadata"]
    assert str(PROJECT) not in text
    assert not re.search(r"file:|localhost|127\.0\.0\.1", text)
    assert sbom.bom() == bom
