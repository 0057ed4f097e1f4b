"""The pipeline on one machine: the same template, Lambda and state machine as on AWS, without AWS and without Docker.

The way through, in the order in which things happen:

1. ``lifecycle`` brings an environment up in a process of its own, ``daemon``, says what is up, and ends it; ``state``
   is what others know of it. ``sagemaker_local.supervised`` keeps what a process has started from outliving it.
2. ``host`` is the environment itself, there or in the process of a run: ``emulator`` starts the AWS emulator in its
   ``emulator_process``, ``data`` fills its S3, ``deployment`` deploys the stack to it with the CDK CLI. ``services``
   serves it what it lacks, which is ``sagemaker_local``; ``emulator_services`` asks for it in the emulator's process.
3. ``run`` is one run from its beginning to its end: ``control`` has the environment bring itself up to date where
   ``sources`` say so, ``publication`` puts the scripts in their place; ``executions`` starts an execution, follows
   it and downloads its results.
4. ``sagemaker_local.guard`` decides who may speak to any port of all this: ``emulator_guard`` asks it before the
   emulator sees a request, ``sagemaker_local.loopback`` for the other ports.
5. ``job_records`` keeps what each job took, ``display`` shows the steps of a set-up.
"""
