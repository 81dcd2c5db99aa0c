"""One small draw function for each page."""
