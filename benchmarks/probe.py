"""A program that times a Lambda function in a fresh Python process.

``probe.py import MODULE...`` or ``probe.py invoke MODULE EVENT``. It imports as little as possible before measuring and
prints the figures as JSON; the function's own output is discarded.
"""

import os
import sys
import time

_WARM_UP = 5
_INVOCATIONS = 40


def import_modules(*names: str) -> dict[str, float]:
    """Returns the milliseconds that imports take, in wall-clock and CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    for name in names:
        __import__(name)
    return {"wall": (time.perf_counter() - wall) * 1000, "cpu": (time.process_time() - cpu) * 1000}


class Context:
    """The attributes of Lambda's context that functions read."""

    function_name = "starter"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:starter"

    def __init__(self, number: int) -> None:
        self.aws_request_id = f"request-{number}"


def invoke(name: str, event: str) -> dict[str, float]:
    """Returns the milliseconds of a warm invocation, in wall-clock and CPU time: the median of many."""
    import importlib  # noqa: PLC0415 - must not precede a timed import
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
