"""Images as pure functions: arrays `(..., height, width, channels)`, or one image `(height, width, channels)`."""
