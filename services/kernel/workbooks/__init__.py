"""Workbooks that strangers send: read safely, and taken over row by row whatever happens meanwhile."""
