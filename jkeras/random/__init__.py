"""Random numbers: distributions, dropout and shuffling, drawn with a seed, a seed generator, or the key of a call.

Every function takes `seed=`. An integer gives the same numbers each time, those of Keras on JAX. A `SeedGenerator`
gives fresh ones. Without a seed, numbers depend on the key of the `call` that is running, or outside of one on what
`set_random_seed` set.
"""

from __future__ import annotations

from jkeras.random.draws import *
from jkeras.random.seed_generator import SeedGenerator as SeedGenerator
