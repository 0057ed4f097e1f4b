"""The examples for a number and for several classes: their input files, and the shipped scripts on their data."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.input.execution import execution_input
from pipeline.input.samples import SAMPLE_TOKENS
from tests.image_packages import IMAGE
from tests.scripts.conftest import PROJECT, SCRIPTS, Container

EXAMPLES = PROJECT / "examples"
FOLDERS = ("regression", "several-classes")

SERVE = """
import sys, inference
model = inference.model_fn(sys.argv[1])
for kind in ("text/csv", "application/json"):
    body = sys.stdin.readline()
    print(inference.output_fn(inference.predict_fn(inference.input_fn(body, kind), model), kind)[0].strip())
"""


def read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(file.read_text())
    return content


@pytest.mark.parametrize("folder", FOLDERS)
def test_only_data_and_threshold_differ(folder: str) -> None:
    """An example is valid, and like the shipped file but for the data's options and the thresholds."""
    file = EXAMPLES / folder / "input.yaml"
    assert execution_input(file.read_bytes(), tokens=SAMPLE_TOKENS, event_id="event")
    example, shipped = read(file), read(SCRIPTS / "input.yaml")
    for content in (example, shipped):
        del content["preprocessing"]["input"]["Environment"], content["approval"]["metrics"]
    assert example == shipped


@pytest.mark.parametrize("folder", FOLDERS)
def test_scripts_run_on_the_example(folder: str, container: Container) -> None:
    """The model meets its thresholds on unseen records, and serves the smoke test's record as CSV and by name."""
    content = read(EXAMPLES / folder / "input.yaml")
    (data,) = (EXAMPLES / folder).glob("*.csv")
    container.put(f"processing/input/{data.name}", data.read_bytes())
    container.run("preprocessing.py", **content["preprocessing"]["input"]["Environment"])
    shutil.copytree(container.base / "processing" / "train", container.base / "input" / "data" / "training")
    container.run("train.py")
    container.pack_model()
    container.run("evaluation.py")
    report = json.loads(container.read("processing/evaluation/evaluation.json"))
    for metric in content["approval"]["metrics"]:
        group, name, _ = metric["name"].split(".")
        assert metric.get("minimum", -1e9) <= report[group][name]["value"] <= metric.get("maximum", 1e9)
    assert_serves(container)


def assert_serves(container: Container) -> None:
    """The endpoint's answers to the smoke test's record as CSV, and to the same as JSON by name, agree."""
    schema = json.loads(container.read("model/schema.json"))
    record = container.read("processing/test/smoke.csv")
    row = dict(zip((feature["name"] for feature in schema["features"]), record.strip().split(","), strict=True))
    served = subprocess.run(
        [IMAGE.interpreter, "-W", "error", "-c", SERVE, str(container.base / "model")],
        input=f"{record.strip()}\n{json.dumps({'instances': [row]})}\n",
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        check=True,
    )
    answers = served.stdout.splitlines()
    (prediction,) = json.loads(answers[1])["predictions"]
    assert answers[0] == ",".join(str(value) for value in prediction.values())
    assert schema["classes"] is None or prediction["label"] in schema["classes"]
