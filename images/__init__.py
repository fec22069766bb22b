"""What is shipped: how the packs, the portal's browser code and the sample meeting are put together."""
