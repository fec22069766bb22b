"""One run through everything that the machine is there for, told on one page with a verdict per line."""
