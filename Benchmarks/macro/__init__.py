"""The macro figures of Tocsin, a module for each group. `Benchmarks/run` starts them."""
