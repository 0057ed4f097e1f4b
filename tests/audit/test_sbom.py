"""The bill of materials: valid, complete, and the same each time."""

import json
import re
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from requirements import sbom

PROJECT = sbom.PROJECT
LOCKS = ["requirements.txt", *(f"requirements/{name}.txt" for name in ("local", "dev", "audit", "clients"))]


@pytest.fixture(scope="module")
def bom() -> dict[str, Any]:
    """What make sbom writes."""
    return sbom.bom()


def named(bom: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The components, by name and version."""
    return {(canonicalize_name(item["name"]), item["version"]): item for item in bom["components"]}


def test_valid(bom: dict[str, Any]) -> None:
    """CycloneDX's own schema accepts it, and each component stands there once."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bom)) is None
    references = [component["bom-ref"] for component in bom["components"]]
    assert len(set(references)) == len(references)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_python_package(lock: str, bom: dict[str, Any]) -> None:
    """Each package of each lock is there in the locked version, and those that are shipped are required."""
    components = named(bom)
    packages = sbom.locked(lock)
    assert packages
    assert not packages.items() - components.keys()
    if lock == "requirements.txt":
        assert {components[package]["scope"] for package in packages.items()} == {"required"}


def test_every_locked_npm_package(bom: dict[str, Any]) -> None:
    """Each package of npm's lock is there in the locked version."""
    lock = json.loads((PROJECT / "package-lock.json").read_text())["packages"]
    locked = {(path.rpartition("node_modules/")[2], entry["version"]) for path, entry in lock.items() if path}
    components = {(item["name"], item["version"]) for item in bom["components"] if "pkg:npm/" in item["purl"]}
    assert components == locked


def test_every_component_has_its_licence(bom: dict[str, Any]) -> None:
    """No package is without a licence."""
    assert [item["bom-ref"] for item in bom["components"] if not sbom.licences(item)] == []


def test_reproducible(bom: dict[str, Any]) -> None:
    """There is nothing in it of the time, of chance, or of this machine."""
    text = json.dumps(bom)
    assert "serialNumber" not in bom
    assert "timestamp" not in bom["metadata"]
    assert str(PROJECT) not in text
    assert not re.search(r"file:|localhost|127\.0\.0\.1", text)
    assert sbom.bom() == bom
