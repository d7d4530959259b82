"""Benchmarks: one module a goal, each with `main() -> int` that prints its figure, its reference and the verdict."""
