"""Other machines that work for this one: how they are let in, what they may see, and how they leave."""
