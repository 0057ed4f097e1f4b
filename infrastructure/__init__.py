"""The CDK constructs of the stack.

In the order in which data flows: ``storage`` is the bucket; ``publisher`` uploads the scripts to it at deploy time;
``starter`` reads ``input.yaml`` and starts an execution, on schedule or by hand; ``workflow`` is the state machine,
whose jobs run under ``sagemaker_role`` in the containers of ``image``; ``approval`` judges the model it trains.

``notifications`` is the topic for approval requests, for the failed executions that ``announcer`` reports and for the
alarms of ``monitoring``, which also builds the dashboard. ``dead_letters`` keeps undeliverable events. ``permissions``
derives IAM statements; ``function`` holds what all Lambda functions share, and ``function_code`` packages them.
"""
