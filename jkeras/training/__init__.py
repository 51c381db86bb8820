"""The training engine: pure steps, the loop around them, and the data that feeds it. Knows nothing of models but init/apply."""
