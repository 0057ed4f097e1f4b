"""SageMaker on one machine: jobs, registry, endpoints and their runtime, without AWS and without Docker.

Run alone, ``python -m sagemaker_local --s3 URL`` (``__main__``) serves SageMaker's API to any AWS SDK. The way of a
request:

1. ``aws_http_api`` takes it by HTTP (``loopback``), as an AWS SDK sends it; ``guard`` has looked at its key before.
2. ``service.SageMaker`` refuses what SageMaker would refuse on sight (``requests``, or a name taken). ``services``
   lists the actions that are answered as they come, and what answers them.
3. A Create...Job request becomes a ``job``: ``processing``, ``training`` or ``transform``. ``jobs`` keeps them all: an
   SDK gets its answer as soon as the job exists; ``service.SageMaker.run``, which a state machine's ``.sync`` task
   uses, returns when the job has ended.
4. The job refuses what this machine cannot do (``prepare``), lays out its inputs (``s3_cache``, ``cache``) and what
   else its kind of container finds (``training_env``, ``archives``), and starts its command as a process in a
   ``container`` (``mounts``, ``launcher`` and ``namespaces`` make its ``/opt/ml``).
5. A transform job's command is our model server (``serving``); ``model_server_client`` speaks to it,
   ``transform_payloads`` cuts its input.
6. What the job has left (``left``) is uploaded, and Describe's output is returned; or ``errors.JobFailed`` is raised
   with the error and the cause that Step Functions would report.

``model`` keeps models, ``registry`` model packages, ``endpoints`` the endpoints; each ``endpoint`` has a port and a
router (``endpoint_router``), and behind it a model server for each production variant (``variant_servers``).
``runtime`` invokes them, ``scaling`` keeps what would scale them, ``storage`` reads S3. ``supervised`` runs a program
that must not outlive its starter.

The package imports nothing of the pipeline or its environment.
"""
