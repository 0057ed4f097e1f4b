"""What every job shares: where SageMaker puts things, and how a job says that it cannot go on.

The way through this folder: ``preprocessing.py`` splits the census records into train and test files, ``train.py`` fits
a model on the one, ``evaluation.py`` judges it on the other, ``inference.py`` serves it. ``census.py`` describes the
records, ``rows.py`` reads them, ``classifier.py`` is the model and ``quality.py`` its metrics. All travel together in
one folder.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

# Where SageMaker lays out a job's files: /opt/ml, or without SageMaker the folder that this variable names, as in
# SageMaker's own toolkit: https://github.com/aws/sagemaker-training-toolkit (environment.py).
BASE = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
PROCESSING = BASE / "processing"

# Where a job writes why it failed, and how much of that SageMaker shows: a training job's FailureReason
# (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html) and a processing job's
# ExitMessage (https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-metadata.html).
TRAINING_FAILURE = BASE / "output" / "failure"
PROCESSING_FAILURE = BASE / "output" / "message"
FAILURE_CHARACTERS = 1024

# scikit-learn's threads spin 300,000 times before they sleep when they wait for each other. Where other programs want
# the processors, fitting the census records then takes half a minute instead of a second. The variable counts when
# scikit-learn is first imported, which every script does after this module:
# https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html
os.environ.setdefault("GOMP_SPINCOUNT", "1000")


class JobError(Exception):
    """The job cannot go on, for a reason that its user can mend: the data, the hyperparameters, a missing file."""


def copy_code(folder: Path) -> None:
    """Copies these scripts into a folder, which is made.

    A model takes its code along, so that what serves it, at any later time, is what it was trained with, whatever has
    become of the scripts meanwhile: https://docs.aws.amazon.com/sagemaker/latest/dg/adapt-inference-container.html
    """
    folder.mkdir(parents=True, exist_ok=True)
    for script in Path(__file__).parent.glob("*.py"):
        shutil.copyfile(str(script), str(folder / script.name))


def channel(name: str) -> Path:
    """The folder of a training job's input channel."""
    return Path(os.environ.get("SM_CHANNEL_" + name.upper(), BASE / "input" / "data" / name))


def model_folder() -> Path:
    """The folder that a training job leaves its model in; SageMaker packs it as ``model.tar.gz``."""
    return Path(os.environ.get("SM_MODEL_DIR", BASE / "model"))


def run(job: Callable[[], None], failure: Path) -> None:
    """Runs a job. A JobError becomes one line on stderr and in the failure file, and exit code 1, without a traceback.

    Args:
        job: the job's work.
        failure: the file in which SageMaker looks for the reason of a failure.
    """
    try:
        job()
    except JobError as error:
        reason = " ".join(str(error).split())
        failure.parent.mkdir(parents=True, exist_ok=True)
        failure.write_text(reason[:FAILURE_CHARACTERS], encoding="utf-8")
        sys.exit(f"error: {reason}")
