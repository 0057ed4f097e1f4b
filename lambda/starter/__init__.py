"""The Lambda function that starts the pipeline.

``handler`` takes the event, ``event`` parses it, ``file`` reads ``input.yaml`` from S3, ``pipeline.input`` turns it
into the execution's input, and ``handler`` starts the execution.
"""
