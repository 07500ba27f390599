"""A stateful fuzzer of a mediator that runs: docs/fuzz-live.md."""
