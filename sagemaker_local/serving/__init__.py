"""The model server that runs inside the container and behaves like the SageMaker scikit-learn container.

``__main__`` takes a listening socket, ``handler`` imports the user's module and loads the model with it, ``server``
serves ``GET /ping`` and ``POST /invocations``, ``formats`` has defaults for functions that the user's module lacks, and
``toolkits`` replaces the modules of SageMaker's toolkits that it may import.

Needs only the standard library, and numpy for the default functions. Sources of the behaviour:
https://github.com/aws/sagemaker-scikit-learn-container (``serving.py``),
https://github.com/aws/sagemaker-containers (``_transformer.py``, ``_encoders.py``, ``_worker.py``),
https://github.com/aws/sagemaker-inference-toolkit (``transformer.py``: functions that take a context).
"""
