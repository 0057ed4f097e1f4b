"""The Lambda function that announces failed executions.

An event from EventBridge names the execution; ``handler`` asks Step Functions how and where it ended, ``message``
formats the message, and ``handler`` publishes it.
"""
