"""What a monitoring system may know of the machine: figures and times; never a name, a title or what was said."""
