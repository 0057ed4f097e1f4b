"""The reference module, awslabs/aiops-modules modules/examples/mlops-stepfunctions, with earlier measurements.

Its code is not in this repository. Given a checkout, ``make bench REFERENCE=path`` measures what needs no Docker in the
same run: its synth and its Lambda, with the packages in the checkout's ``.venv``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.processes import BenchmarkError

QUOTED_ON = "2026-11-22"
QUOTED_MACHINE = "2 cores, Python 3.11"

SYNTH_SECONDS = 23.0
SYNTH_CPU_SECONDS = 22.0
INSTALLED_MB = 526
PACKAGES = 87
IMPORT_MS = 380
WARM_START_MS = 20
TRANSITIONS = 12
PREPROCESSING_SECONDS = 4.1
TRAINING_SECONDS = 2.7
EVALUATION_SECONDS = 2.2
THREE_SCRIPTS_SECONDS = PREPROCESSING_SECONDS + TRAINING_SECONDS + EVALUATION_SECONDS
ROC_AUC = 0.928

PARAMETERS = {
    "SEEDFARMER_PROJECT_NAME": "bench",
    "SEEDFARMER_DEPLOYMENT_NAME": "reference",
    "SEEDFARMER_MODULE_NAME": "sfn",
}
WITHOUT_DOCKER: dict[str, list[str]] = {"aws:cdk:bundling-stacks": []}
"""CDK context that disables the bundling of assets (https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.cx_api-readme.html)."""


@dataclass(frozen=True)
class Reference:
    """A checkout of the reference module with its own virtual environment."""

    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter with its packages."""
        return self.folder / ".venv" / "bin" / "python"

    @classmethod
    def at(cls, folder: Path) -> Self:
        """Returns the checkout in a folder.

        Raises:
            BenchmarkError: the folder is not a checkout, or its packages are not installed.
        """
        made = cls(folder)
        for path in (folder / "app.py", folder / "lambda" / "handler.py", made.python):
            if not path.exists():
                raise BenchmarkError(
                    f"{folder} is not modules/examples/mlops-stepfunctions of awslabs/aiops-modules with its "
                    f"requirements.txt installed in .venv: there is no {path.relative_to(folder)}"
                )
        return made
