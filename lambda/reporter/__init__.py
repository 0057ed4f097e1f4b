"""The Lambda function that publishes reports on executions whose ``input.yaml`` has ``publish_report``.

An event from EventBridge names an execution that has ended, however it ended. ``handler`` asks Step Functions for it,
and ``publication`` writes its report and the index of all runs to the bucket.
"""
