"""Steps that a model's class defines itself, as pure functions of trees or as Keras writes them for JAX."""
