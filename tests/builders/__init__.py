"""What tests are built from: running services, callers, enterprises."""
