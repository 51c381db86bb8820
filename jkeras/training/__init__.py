"""The training engine: pure steps, the loop around them, the data that feed it. Of models it knows init and apply."""
