"""All I/O, one module for each outside thing."""
