"""SageMaker's built-in XGBoost.

Hyperparameters, content types, log lines, model files and responses are those of AWS's container
(https://github.com/aws/sagemaker-xgboost-container, its ``algorithm_mode``); open-source XGBoost
trains and predicts.
"""
