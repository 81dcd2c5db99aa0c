"""Type, colour, shapes and the canvas that pages are drawn on."""
