"""From one release to the next and back: everything that can fail is tried before anything stops."""
