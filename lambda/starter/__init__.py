"""The Lambda function that starts the pipeline.

The way through: ``handler`` takes the event, ``event`` says what it asks for, ``file`` reads ``input.yaml`` from S3,
``pipeline.input`` turns it into the execution's input, and ``handler`` starts the execution.
"""
