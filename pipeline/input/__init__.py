"""Reads and validates ``input.yaml``. The start Lambda and ``mlops validate`` run the same code.

``execution`` turns the bytes of a file into an execution's name and input: ``yaml_document`` parses the file and
records each value's line, ``tokens`` fills in the deployment's values, ``lineage`` resolves the execution that a stage
reads from, ``resource_names`` checks that the state machine's role may use the names that the run creates, and
``validator`` validates the result against ``input.schema.json``. They report every error as an ``errors.InputIssue``.
``pipeline.schema`` generates the schema, which editors use, too.

This package is pure Python with PyYAML and needs neither AWS nor botocore: it is part of the start Lambda's archive.
"""

OVERRIDES = "overrides"
"""The key of the execution's input with the event's overrides as they were given; absent if there were none."""

PUBLISH_REPORT = "publish_report"
"""The key of ``input.yaml`` that has the execution's report published when it ends."""
