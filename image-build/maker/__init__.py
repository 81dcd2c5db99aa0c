"""Makes the SD-card image: image-build/build."""
