"""The pipeline as data.

``stages`` lists what a run does. ``definition`` turns the list into the state machine's definition (with ``asl``),
``grants`` into its role's permissions, and ``schema`` into the JSON Schema of ``input.yaml``. ``input`` validates a
file and turns it into an execution's input; ``schedule`` validates when it runs. ``images`` has the container image of
each region, ``places`` the prefixes in the bucket, ``limits`` and ``consoles`` facts that several parts share.
``bundle`` packs the scripts that the stages run, and ``refusals`` extracts a service's or a function's error from
an execution's.

Nothing here imports the CDK or boto3, so the stack, the Lambda functions and the local run read the same facts.
"""
