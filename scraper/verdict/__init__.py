"""What follows from an attempt. Pure: no I/O, no clock; chance is passed in."""
