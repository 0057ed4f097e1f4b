"""Runs the pipeline on one machine: AWS's template, Lambdas and state machine, without AWS and without Docker.

In the order in which things happen:

1. ``lifecycle`` starts an environment in a background process, ``daemon``, shows its status, and ends it. ``state`` has
   the environment's lock and state file. ``sagemaker_local.supervised`` ends child processes with their parent.
2. ``environment`` has the parts of an environment: ``emulator`` starts the AWS emulator in a child process,
   ``emulator_process``; ``data`` fills its S3; ``assembly`` synthesises the stack meanwhile, or takes what it kept, and
   ``deployment`` deploys it with the CDK CLI.
   ``service_backend`` adds what the emulator lacks, with ``sagemaker_local``; ``emulator_services`` forwards requests
   to it from the emulator's process.
3. ``run`` runs the pipeline once, in a running environment or in one of its own. ``control_server`` has a running
   environment deploy again if ``template_hash`` has changed, and ``publication`` uploads the scripts; ``executions``
   starts an execution, follows it and downloads its results.
4. ``sagemaker_local.guard`` authorizes requests to all ports: to the emulator's by way of ``emulator_guard``, to the
   others by way of ``sagemaker_local.loopback``.
5. ``job_records`` keeps the time and memory of each job, and ``display`` shows the progress of a set-up.
"""
