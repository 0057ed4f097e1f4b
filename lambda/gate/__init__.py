"""The Lambda function that decides on a new model. It imports only what the runtime has."""
