"""The doors of HTTP and WebSocket: each speaks its protocol and nothing else."""
