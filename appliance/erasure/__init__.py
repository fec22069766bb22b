"""Taking the appliance off a machine: keys first, then everything else, and a certificate of what was erased."""
