"""SageMaker's jobs on one machine: a request as SageMaker takes it in, a result as Step Functions reports it out.

The way of a request through the package:

1. ``service.SageMaker.run`` takes it, refuses what SageMaker would refuse on sight (``requests``, or a name taken),
   and makes a job of it: ``processing``, ``training``, ``transform``; or keeps a ``model``.
2. The job refuses what this machine cannot do (``prepare``), lays out its inputs (``inputs``, ``objects``, ``cache``)
   and what else its kind of container finds (``toolkit``, ``archives``), and starts its command as a process in a
   ``container`` (``views`` and ``launcher`` make its ``/opt/ml``).
3. A transform job's command is our model server (``serving``); ``server`` speaks to it, ``batches`` cuts its input.
4. What SageMaker would upload is uploaded, and Describe's output is given back (``job``); or ``errors.JobFailed`` is
   raised with the error and the cause that Step Functions would report.

What is answered at once goes another way: ``services`` lists the actions and what answers them. ``registry`` keeps
model packages, ``endpoints`` the endpoints; each (``endpoint``) has a port (``front``) and behind it a model server
for each production variant (``hosts``). ``runtime`` invokes them, ``scaling`` keeps what would scale them, ``storage``
reads S3. ``api`` is a second door to all of these, for AWS SDKs, by HTTP (``loopback``); ``guard`` decides who may
speak to any port. ``supervised`` keeps what a process has started from outliving it.

Nothing of this is imported from the pipeline or its environment: the package could stand alone.
"""
