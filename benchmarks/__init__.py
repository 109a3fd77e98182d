"""What the product costs at the size of a university; `make benchmarks` writes docs/performance.md."""
