"""The Lambda function that decides on a new model. It imports only what the runtime has, so that it starts fast.

The way through: ``handler`` takes the event, ``request`` says what it asks for, ``report`` reads the model's and the
champion's evaluation report from S3, ``lookup`` finds the metrics in them, ``metrics`` holds them against the
thresholds, ``verdict`` decides, and ``answer`` and ``announcement`` say it in the state machine's and in a person's
words, written with ``text``. ``keep`` is what it does beforehand: it copies the model and its report to
where no job can write. ``objects`` names S3's errors.
"""
