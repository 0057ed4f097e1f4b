"""What all jobs share: SageMaker's paths, and how a job reports failure.

``preprocessing.py`` splits a table's records into train and test files, ``train.py`` fits a model on the former,
``evaluation.py`` evaluates it on the latter, ``inference.py`` serves it, and ``monitoring.py`` compares what it scored
with its baseline. They are deployed together in one folder:

- ``tables.py`` and ``parquet.py`` read tables, ``values.py`` their values, ``columns.py`` decides what their columns
  are, ``options.py`` reads what the user says about them, and ``schema.py`` is what has been decided;
- ``rows.py`` reads the train and test files and requests, ``encoder.py`` turns them into numbers, ``model.py`` is the
  model, and ``prediction.py`` what it predicts;
- ``quality.py`` and ``quality_*.py`` compute the metrics, ``calibration.py``, ``importance.py`` and
  ``profile_columns.py`` what the report shows next to them;
- ``record_statistics.py`` describes records, ``baseline.py`` those of a model, ``scored.py`` reads those that were
  scored, and ``late_labels.py`` their labels; ``drift.py`` compares the two, ``late_quality.py`` the model's quality,
  ``check.py`` is a comparison, and ``metrics.py`` puts what it found in CloudWatch.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

# Where SageMaker puts a job's files: /opt/ml or, outside SageMaker, the folder in this variable, as in SageMaker's own
# toolkit: https://github.com/aws/sagemaker-training-toolkit (environment.py).
BASE = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
PROCESSING = BASE / "processing"

# Where a job writes why it failed, and how much of it SageMaker shows: as a training job's FailureReason
# (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html) or a processing job's
# ExitMessage (https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-metadata.html).
TRAINING_FAILURE = BASE / "output" / "failure"
PROCESSING_FAILURE = BASE / "output" / "message"
FAILURE_CHARACTERS = 1024

# While waiting for each other, scikit-learn's threads spin 300,000 times before they sleep. If other programs compete
# for the processors, fitting the census records then takes half a minute instead of a second. The variable must be set
# before scikit-learn is first imported, which every script does after this module:
# https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html
os.environ.setdefault("GOMP_SPINCOUNT", "1000")


class JobError(Exception):
    """The job cannot continue, for a reason that the user can fix: the data, the hyperparameters, a missing file."""


def copy_code(folder: Path) -> None:
    """Copies these scripts into a folder, creating it if necessary.

    A model includes its code, so that it is always served by the code it was trained with, even if the scripts change
    later: https://docs.aws.amazon.com/sagemaker/latest/dg/adapt-inference-container.html
    """
    folder.mkdir(parents=True, exist_ok=True)
    for script in Path(__file__).parent.glob("*.py"):
        shutil.copyfile(str(script), str(folder / script.name))


def channel(name: str) -> Path:
    """Returns the folder of a training job's input channel."""
    return Path(os.environ.get("SM_CHANNEL_" + name.upper(), BASE / "input" / "data" / name))


def model_folder() -> Path:
    """Returns the folder for a training job's model; SageMaker packs it as ``model.tar.gz``."""
    return Path(os.environ.get("SM_MODEL_DIR", BASE / "model"))


def run(job: Callable[[], None], failure: Path) -> None:
    """Runs a job; reports a JobError as one line on stderr and in the failure file, with exit code 1.

    Args:
        job: the job's work.
        failure: the file from which SageMaker reads the failure reason.
    """
    try:
        job()
    except JobError as error:
        reason = " ".join(str(error).split())
        failure.parent.mkdir(parents=True, exist_ok=True)
        failure.write_text(reason[:FAILURE_CHARACTERS], encoding="utf-8")
        sys.exit(f"error: {reason}")
    # At its exit, Python would look for garbage in all that scikit-learn and pandas have created, for 0.2 s.
    gc.freeze()
