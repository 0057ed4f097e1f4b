"""The scripts as SageMaker runs them: as processes, in a folder laid out like /opt/ml. make test runs this.

It runs with the packages of the jobs' image, so it has no other test framework than Python's own.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path
from typing import Any, Dict, List

PROJECT = Path(__file__).resolve().parent.parent
SCRIPTS = PROJECT / "scripts"
INPUT: Dict[str, Any] = json.loads(Path(os.environ["INPUT"]).read_text())
DATA = Path(os.environ["DATA"])


def request(stage: str) -> Dict[str, Any]:
    """The request of a stage, as input.yaml has it."""
    found: Dict[str, Any] = INPUT[stage]["input"]
    return found


class Container:
    """A job's container, with a folder in place of /opt/ml."""

    def __init__(self, base: Path) -> None:
        self.base = base

    def run(self, stage: str, entry: List[str], **variables: str) -> str:
        """Runs a stage's script, which must succeed; returns its log."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SM_")}
        environment.update(request(stage).get("Environment") or {}, SAGEMAKER_BASE_DIR=str(self.base), **variables)
        script = SCRIPTS / Path(entry[-1]).name
        done = subprocess.run(
            [sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode:
            raise AssertionError(stage + " failed:\n" + done.stdout)
        return done.stdout

    def put(self, path: str, content: str) -> None:
        """Writes a file."""
        file = self.base / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


class ScriptsTest(unittest.TestCase):
    """From the table to the evaluation."""

    def test_a_model_is_trained_and_evaluated(self) -> None:
        """Preprocessing, training and evaluation succeed on the table, and the report has metrics."""
        with tempfile.TemporaryDirectory() as folder:
            container = Container(Path(folder))
            data = container.base / "processing" / "input"
            data.mkdir(parents=True)
            shutil.copy(str(DATA), str(data))
            container.run("preprocessing", request("preprocessing")["AppSpecification"]["ContainerEntrypoint"])
            hyperparameters = json.dumps(request("training").get("HyperParameters") or {})
            container.put("input/config/hyperparameters.json", hyperparameters)
            entry = request("training")["AlgorithmSpecification"]["ContainerEntrypoint"]
            container.run("training", entry, SM_CHANNEL_TRAINING=str(container.base / "processing" / "train"))
            container.put("processing/model/model.tar.gz", "")
            with tarfile.open(str(container.base / "processing" / "model" / "model.tar.gz"), "w:gz") as archive:
                archive.add(str(container.base / "model"), arcname=".")
            container.run("evaluation", request("evaluation")["AppSpecification"]["ContainerEntrypoint"])
            report = json.loads((container.base / "processing" / "evaluation" / "evaluation.json").read_text())
            self.assertTrue([name for name in report if name.endswith("_metrics")], report)


class ManifestTest(unittest.TestCase):
    """SeedFarmer's manifest."""

    def test_the_manifest_names_every_script(self) -> None:
        """SeedFarmer copies only the files that dataFiles names."""
        manifest = (PROJECT / "manifests" / "modules.yaml").read_text()
        for path in SCRIPTS.rglob("*"):
            name = path.relative_to(PROJECT).as_posix()
            if path.is_file() and "__pycache__" not in name and not path.name.startswith("."):
                self.assertIn("filePath: " + name + "\n", manifest)


if __name__ == "__main__":
    unittest.main()
