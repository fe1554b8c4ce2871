"""Published experiments as grids, at the scale of the embedded world, with the published figures beside them."""
