"""Events: written with the change that they report, read by whoever needs to know."""
