"""What any web service needs. Nothing here knows what an enterprise or a title is."""
