"""Reuses the results of a stage that an earlier execution ran on the same inputs with the same request.

key        what a stage's result depends on, and the hash of it
decision   goes through the stages in their order, and decides which of them are reused
lookup     reads S3, the table of records and SageMaker for a decision, with clients that it is given

The start function and ``mlops plan`` decide with the same code. The state machine records a stage once it has
succeeded (``pipeline.asl.recording``).
"""

REUSE = "reuse"
"""The key of ``input.yaml`` that turns reuse on: at its top for all stages, in a section for that stage."""

IGNORES = "reuse_ignores"
"""The key of a section with patterns of files that its job has among its inputs, but does not read."""

REUSED = "reused"
"""The key of a section in an execution's input: the execution whose results take the stage's place."""

RECORD = "record"
"""The key of a section in an execution's input: what the state machine records once the stage has succeeded."""

DEPENDS = "depends_on"
"""The key of a section in an execution's input: what the stage's key is the hash of."""

UNRECORDED = "not_recorded"
"""The key of a section in an execution's data: the error for which the stage could not be recorded."""

MOST_DAYS = 90
"""Days for which a record is kept, as Step Functions keeps an execution's history.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""
