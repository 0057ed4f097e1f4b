"""The Lambda function that publishes the pipeline's scripts at deploy time. It imports only what the runtime has."""
