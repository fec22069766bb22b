"""Meeting, Recording, Upload."""
