"""The contract: templates, weights, bound copies, frames and the symbolic graph. Imports jax and numpy only."""
