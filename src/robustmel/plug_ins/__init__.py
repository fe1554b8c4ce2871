"""Code of others that runs in this process."""
