"""The model server that runs inside the container: it serves as the SageMaker scikit-learn container does.

``__main__`` takes a listening socket, ``handler`` finds the user's module and loads the model with it, ``server``
answers ``GET /ping`` and ``POST /invocations``, ``formats`` stands in for functions that the user's module does not
have, and ``toolkits`` for the modules of SageMaker's own toolkits that it may import.

Only the standard library is needed, and numpy where a default function is. Sources of the behaviour:
https://github.com/aws/sagemaker-scikit-learn-container (``serving.py``),
https://github.com/aws/sagemaker-containers (``_transformer.py``, ``_encoders.py``, ``_worker.py``),
https://github.com/aws/sagemaker-inference-toolkit (``transformer.py``: functions that take a context).
"""
