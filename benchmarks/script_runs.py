"""Runs the four scripts as programs, one after the other, with a temporary folder in place of /opt/ml."""

import json
import lzma
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.processes import Usage, environment, image_python, usage
from benchmarks.shipped import INPUT, checked
from executions.defaults import PROJECT

SCRIPTS = PROJECT / "scripts"
_SHIPPED = PROJECT / "data" / "census-income.csv.xz"
_CHUNK = 1 << 20
_TRANSFORM = """
import sys
from pathlib import Path
import inference
rows = inference.input_fn(Path(sys.argv[1]).read_bytes(), "text/csv")
body, _ = inference.output_fn(inference.predict_fn(rows, inference.model_fn(sys.argv[2])), "text/csv")
Path(sys.argv[3]).write_text(body)
"""
"""Uses ``inference.py`` as a batch transform does."""


@contextmanager
def census(copies: int = 1) -> Iterator[Path]:
    """Creates a CSV file with the given number of copies of the shipped records; deletes it on exit."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "census-income.csv")
        with file.open("wb") as unpacked:
            for copy in range(copies):
                with lzma.open(_SHIPPED, "rb") as packed:
                    header = packed.readline()
                    unpacked.write(b"" if copy else header)
                    shutil.copyfileobj(packed, unpacked, _CHUNK)
        yield file


@dataclass(frozen=True, kw_only=True)
class ScriptRuns:
    """The usage of each script, and the model's quality."""

    preprocessing: Usage
    training: Usage
    evaluation: Usage
    transform: Usage
    report: Mapping[str, Any]
    """The evaluation report."""

    @property
    def usages(self) -> tuple[Usage, Usage, Usage, Usage]:
        """The usages in the order of the scripts."""
        return (self.preprocessing, self.training, self.evaluation, self.transform)


def _options() -> dict[str, str]:
    """What input.yaml says about the shipped records."""
    options: dict[str, str] = checked(INPUT.read_bytes()).content["preprocessing"]["input"]["Environment"]
    return options


def run_scripts(data: Path, options: Mapping[str, str] | None = None) -> ScriptRuns:
    """Runs the scripts on a CSV file, one after the other.

    Args:
        data: the file.
        options: of preprocessing; None for those of the shipped records.
    """
    with TemporaryDirectory() as made:
        return run_scripts_in(Path(made), data, options)


def run_scripts_in(base: Path, data: Path, options: Mapping[str, str] | None = None) -> ScriptRuns:
    """The same in a folder, which then has what they wrote; the transform's result is ``predictions.csv``."""
    processing, model = base / "processing", base / "model"
    (processing / "input").mkdir(parents=True)
    (processing / "input" / data.name).symlink_to(data)
    # OMP_WAIT_POLICY as for local jobs; docs/decisions.md says why.
    given = _options() if options is None else options
    variables = environment(SAGEMAKER_BASE_DIR=str(base), OMP_WAIT_POLICY="PASSIVE", **given)

    def script(*command: str | Path) -> Usage:
        return usage([image_python(), *command], cwd=SCRIPTS, variables=variables)

    preprocessing = script("preprocessing.py")
    (base / "input" / "data").mkdir(parents=True)
    (base / "input" / "data" / "training").symlink_to(processing / "train")
    training = script("train.py")
    (processing / "model").mkdir()
    with tarfile.open(processing / "model" / "model.tar.gz", "w:gz", compresslevel=1) as archive:
        archive.add(model, arcname=".")
    evaluation = script("evaluation.py")
    transform = script("-c", _TRANSFORM, processing / "test" / "test_features.csv", model, base / "predictions.csv")
    return ScriptRuns(
        preprocessing=preprocessing,
        training=training,
        evaluation=evaluation,
        transform=transform,
        report=json.loads((processing / "evaluation" / "evaluation.json").read_text()),
    )
