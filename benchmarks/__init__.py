"""What is measured, in simulated or in real time: ``python -m benchmarks.<name> --help``."""
