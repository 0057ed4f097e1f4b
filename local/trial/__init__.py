"""Runs one stage's job on this machine, on the inputs of an earlier execution, and changes nothing in S3.

``job`` makes the request and runs it in ``sagemaker_local``; ``s3_overlay`` is the S3 that the job sees: the
execution's, with the scripts of a folder in place of its own, and a folder for what is written. With ``--pdb``, the job
runs its script under ``job_debugger``, which ``terminal`` connects with the user's.
"""
