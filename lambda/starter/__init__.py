"""The Lambda function that starts the pipeline.

The way through: ``handler`` takes the event and reads ``input.yaml`` from S3, ``input_file`` turns its text into the
execution's input, and ``handler`` starts the execution. ``input_file`` needs no AWS.
"""
