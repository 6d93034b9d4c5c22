"""What several benchmarks share: a crowd of scripted phones, and figures of a process."""
