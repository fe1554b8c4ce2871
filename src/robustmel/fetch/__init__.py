"""Images fetched from where a data set says they are; the only part of the package that uses the network."""
