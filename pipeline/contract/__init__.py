"""The input contract: what ``input.yaml`` may say. The start Lambda and ``mlops validate`` are the same code.

The way through: ``execution`` turns the bytes of a file into an execution's name and input. For that, ``nodes`` and
``document`` read them as data and know each value's line, ``tokens`` fills in what stands for the deployment,
``references`` finds the execution that a stage reads from, ``names`` sees that the role may use what the run makes,
``validator`` holds the result against ``input.schema.json``, and what any of them found is a ``problems.Problem``.
The schema is made by ``pipeline.schema``; editors read the same file.

Nothing here needs AWS or botocore, and all of it is pure Python with PyYAML: it is part of the Lambda's archive.
"""
