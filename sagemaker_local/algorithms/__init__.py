"""SageMaker's built-in algorithms, as programs that run in a job with the packages of the algorithm's image.

``python3 algorithms NAME train`` trains; ``python3 algorithms NAME serve N`` serves on an inherited listening socket.
Each algorithm is a package: its ``train.main`` trains, its ``predict.load`` and ``predict.DEFAULTS`` serve. They run on
Python 3.8 and newer, and import only the standard library and the image's packages.
"""
