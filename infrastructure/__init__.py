"""The CDK constructs of the stack, in the order in which the data meets them.

``storage`` holds everything; ``publisher`` puts the scripts there at deploy time; ``starter`` reads ``input.yaml`` and
starts an execution, by schedule or by hand; ``workflow`` is the state machine; its jobs run under ``sagemaker_role`` in
the container of ``image``; ``approval`` decides on its model. ``notifications`` is the topic that people are told by:
of requests for approval, by ``announcer`` of executions that did not succeed, by ``monitoring`` of alarms; that has the
``dashboard``, too. ``dead_letters`` keeps the events that were given up. ``permissions`` says what the state machine's
calls need, ``encryption`` what a role needs of the deployment's own key; ``function`` is what the Lambda functions
have in common, ``function_code`` packs them.
"""
