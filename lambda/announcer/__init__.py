"""The Lambda function that tells people of an execution that did not succeed.

The way through: EventBridge's event says which execution; ``handler`` asks Step Functions how it ended and where,
``message`` puts that into words, and ``handler`` publishes them.
"""
