"""The Lambda function that decides on new models. It imports only what the runtime provides, so that it starts fast.

``handler`` takes the event, ``request`` parses it, ``report`` reads the evaluation reports of the model and the
champion from S3, ``lookup`` finds the metrics in them, ``metrics`` compares these with the thresholds, ``verdict``
decides, and ``answer`` and ``announcement`` report the decision to the state machine and to people, with ``text`` to
format it. Before that, ``keep`` copies the model and its report to where no job can write. ``objects`` translates S3's
errors.
"""
