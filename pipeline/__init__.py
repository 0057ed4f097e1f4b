"""The pipeline as data.

The way through: ``stages`` lists what a run does, ``definition`` turns the list into the state machine's definition
(with ``asl``), ``grants`` into its role's permissions, ``schema`` into the JSON Schema of ``input.yaml``; ``input``
checks such a file and makes an execution's input of it; ``schedule`` checks when it runs, ``images`` knows the
container image of each region, ``places`` who writes where in the bucket, ``limits`` and ``consoles`` what several
parts share; ``bundle`` packs the scripts that the stages run, ``refusals`` finds SageMaker's own words in an
execution's error.

Nothing here imports the CDK or boto3: the stack, the Lambdas' tests and the local run all read the same facts.
"""
