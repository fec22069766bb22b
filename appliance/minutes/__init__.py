"""Minutes, Decision, ActionItem: claims that cite the words they rest on."""
