"""Running what was written for Keras: the import names of Keras answer with jkeras."""
