"""The pipeline on one machine: the same template, Lambda and state machine as on AWS, without AWS and without Docker.

The way through, in the order in which things happen: ``run`` is one run from its beginning to its end. ``emulator``
starts the AWS emulator, ``deployment`` deploys the stack to it with the CDK CLI, ``activities`` serves what it lacks,
which is SageMaker, through ``jobs``. Those run each job as a process in a ``container`` (``views`` and ``launcher``
make its ``/opt/ml``), move its data (``objects``, ``cache``), and serve models (``serving``). ``progress`` reads how
far an execution is, ``display`` shows it, ``outcome`` fetches what it made.
"""
