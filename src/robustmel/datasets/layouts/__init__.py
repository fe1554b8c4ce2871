"""The layouts in which data sets circulate: one file each."""
