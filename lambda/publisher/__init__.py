"""The Lambda function that publishes the pipeline's scripts at deploy time. It needs only what the runtime provides."""
