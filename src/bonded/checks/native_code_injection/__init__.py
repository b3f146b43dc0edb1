"""Machine code that is put into memory and run."""
