"""The numerics as pure functions of arrays. Imports jax only."""
