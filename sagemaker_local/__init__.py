"""SageMaker on one machine: jobs, registry, endpoints and their runtime, without AWS and without Docker.

``python -m sagemaker_local --s3 URL`` (``__main__``) serves SageMaker's API to any AWS SDK. A request passes through:

1. ``aws_http_api`` receives it over HTTP (``loopback``) as an AWS SDK sends it, after ``guard`` has checked its key.
2. ``service.SageMaker`` rejects invalid requests as SageMaker does (``requests``) and calls the action's function;
   ``services`` lists the actions.
3. A Create...Job request becomes a ``job``: ``processing``, ``training`` or ``transform``. ``jobs`` keeps them all. An
   SDK's call returns as soon as the job exists; ``service.SageMaker.run``, which a state machine's ``.sync`` task uses,
   returns when the job has ended.
4. The job rejects what this machine does not support (``prepare``), downloads its inputs (``s3_cache``, ``cache``),
   writes what else its kind of container expects (``training_env``, ``archives``), and runs its command as a process in
   a ``container``, whose ``/opt/ml`` comes from ``mounts``, ``launcher`` and ``namespaces``.
   A training job runs the request's program or its image's own; SageMaker's built-in algorithms are in ``algorithms``,
   and ``images`` describes all images. ``differences`` notes what a job runs in and, by the table in
   ``request_fields``, how it differs from AWS.
5. A transform job runs our model server (``serving``), or its image's own server behind a forwarder in ``serving``;
   ``model_server_client`` calls it with the payloads into which ``transform_payloads`` splits the input, and
   ``data_processing`` filters them and joins them with the predictions.
6. The job uploads its output (``job_files``; while it runs, ``continuous``) and returns Describe's output, or raises
   ``errors.TaskFailed`` with the error and cause that Step Functions would report.

``model`` stores models, ``registry`` model packages, ``endpoints`` the endpoints. Each ``endpoint`` has a port and a
router (``endpoint_router``) in front of a model server for each production variant (``variant_servers``). ``runtime``
invokes them, ``data_capture`` records the invocations, ``scaling`` stores their scaling policies, ``storage`` reads S3.
``supervised`` runs a program that must not outlive this process.

The package imports nothing of the pipeline or its environment.
"""
