"""What becomes of finished exchanges: numbers for Prometheus, and one line each."""
