"""SageMaker's stand-in as the environment runs it: it keeps records, and ends jobs whose execution has ended."""

import json
import threading
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from executions.jobs import job_names
from local.job_records import write_record
from sagemaker_local.service import SageMaker

_INTERVAL = 1.0


class RecordedSageMaker:
    """Passes requests on; leaves a record of each finished job, and knows which jobs run. Thread-safe."""

    def __init__(self, sagemaker: SageMaker) -> None:
        self._sagemaker = sagemaker
        self._lock = threading.Lock()
        self._recorded = 0
        self._running: list[tuple[str, dict[str, Any]]] = []

    def run(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """See ``SageMaker.run``."""
        entry = (action, request)
        with self._lock:
            self._running.append(entry)
        try:
            return self._sagemaker.run(action, request)
        finally:
            with self._lock:
                self._running = [other for other in self._running if other is not entry]
                finished = self._sagemaker.finished_jobs
                for job in finished[self._recorded :]:
                    write_record(job)
                self._recorded = len(finished)

    def stop(self) -> None:
        """See ``SageMaker.stop``."""
        self._sagemaker.stop()

    def stop_job(self, action: str, name: str) -> None:
        """See ``SageMaker.stop_job``."""
        self._sagemaker.stop_job(action, name)

    def running_jobs(self) -> set[tuple[str, str]]:
        """The action and the name of each job that runs."""
        with self._lock:
            running = list(self._running)
        return {
            (action, request[field])
            for action, request in running
            if action.endswith("Job") and (field := f"{action.removeprefix('create')}Name") in request
        }


class Orphans:
    """Ends the jobs of executions that have been stopped, as Step Functions does for its ``.sync`` tasks on AWS.

    (https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync) The emulator does not
    tell the worker, so somebody has to look.
    """

    def __init__(self, *, step_functions: Any, sagemaker: RecordedSageMaker) -> None:
        self._step_functions = step_functions
        self._sagemaker = sagemaker
        self._ended = threading.Event()
        self._names: dict[str, set[tuple[str, str]]] = {}

    def watch(self, state_machine_arn: str) -> None:
        """Looks once a second, until :meth:`stop`."""
        threading.Thread(target=self._watch, args=(state_machine_arn,), daemon=True).start()

    def stop(self) -> None:
        """Looks no more."""
        self._ended.set()

    def sweep(self, state_machine_arn: str) -> None:
        """Stops each job that no running execution has started."""
        running = self._sagemaker.running_jobs()  # first: a job that runs now has an execution that was there before
        if not running:
            self._names.clear()
            return
        pages = self._step_functions.get_paginator("list_executions").paginate(
            stateMachineArn=state_machine_arn, statusFilter="RUNNING"
        )
        alive = {item["executionArn"] for page in pages for item in page["executions"]}
        self._names = {arn: self._names.get(arn) or self._jobs_of(arn) for arn in alive}
        for action, name in running.difference(*self._names.values()):
            self._sagemaker.stop_job(action, name)

    def _watch(self, state_machine_arn: str) -> None:
        while not self._ended.wait(_INTERVAL):
            try:
                self.sweep(state_machine_arn)
            except (BotoCoreError, ClientError):
                continue  # the emulator is busy or about to go; the next look is in a second

    def _jobs_of(self, arn: str) -> set[tuple[str, str]]:
        execution = self._step_functions.describe_execution(executionArn=arn)
        return set(job_names(json.loads(execution["input"]), execution["name"]).values())
