"""The demo: a whole appliance on one machine, and a visitor who sends it a meeting over HTTP."""
