"""`make bench`: what is promised of speed, measured beside what it is compared with, in one run."""
