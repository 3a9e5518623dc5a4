"""What the services tell each other: one module for each service that publishes."""
