"""The CDK constructs of the stack, in the order in which the data meets them.

``storage`` holds everything; ``publisher`` puts the scripts there at deploy time; ``starter`` reads ``input.yaml`` and
starts an execution, by schedule or by hand; ``workflow`` is the state machine; its jobs run under ``sagemaker_role`` in
the container of ``image``. ``code`` packs the Lambda functions.
"""
