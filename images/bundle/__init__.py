"""What is shipped: the signed bundle that installs a machine without a network, and packs of models."""
