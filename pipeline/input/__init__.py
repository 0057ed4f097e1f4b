"""The input contract: what ``input.yaml`` may say. The start Lambda and ``mlops validate`` run the same code.

``execution`` turns the bytes of a file into an execution's name and input. On the way, ``yaml_document`` reads the file
and remembers each value's line, ``tokens`` fills in the deployment's values, ``lineage`` finds the execution that a
stage reads from, ``resource_names`` checks that the state machine's role may use the names that the run creates, and
``validator`` checks the result against ``input.schema.json``. Everything they find is an ``errors.InputIssue``.
``pipeline.schema`` generates the schema; editors read the same file.

This package is pure Python with PyYAML and needs neither AWS nor botocore: it is part of the start Lambda's archive.
"""
