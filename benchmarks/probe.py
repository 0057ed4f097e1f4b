"""A program that times what a Lambda function does in a fresh Python.

``probe.py import MODULE...`` or ``probe.py invoke MODULE EVENT``. It imports as little as it can before, and prints the
figures as JSON; what a function prints goes nowhere.
"""

import os
import sys
import time

_WARM_UP = 5
_INVOCATIONS = 40


def import_modules(*names: str) -> dict[str, float]:
    """Milliseconds that importing takes, by the clock and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    for name in names:
        __import__(name)
    return {"wall": (time.perf_counter() - wall) * 1000, "cpu": (time.process_time() - cpu) * 1000}


class Context:
    """What functions read of Lambda's context."""

    function_name = "starter"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:starter"

    def __init__(self, number: int) -> None:
        self.aws_request_id = f"request-{number}"


def invoke(name: str, event: str) -> dict[str, float]:
    """Milliseconds of a warm invocation, by the clock and of the processor: the median of many."""
    import importlib  # noqa: PLC0415 - not before an import is timed
    import json  # noqa: PLC0415
    from statistics import median  # noqa: PLC0415

    module = importlib.import_module(name)
    handler = getattr(module, "handler", None) or module.lambda_handler
    walls, cpus = [], []
    for number in range(_WARM_UP + _INVOCATIONS):
        given = json.loads(event)
        wall, cpu = time.perf_counter(), time.process_time()
        handler(given, Context(number))
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
    return {"wall": median(walls[_WARM_UP:]), "cpu": median(cpus[_WARM_UP:])}


if __name__ == "__main__":
    printed = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    figures = import_modules(*sys.argv[2:]) if sys.argv[1] == "import" else invoke(*sys.argv[2:])
    import json

    os.write(printed, json.dumps(figures).encode())
