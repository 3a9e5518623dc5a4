"""What has been decreed, as data, and the pure functions that read it. No web, no database."""
