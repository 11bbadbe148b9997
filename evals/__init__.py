"""What the ML team runs: suites, scorers, reports."""
