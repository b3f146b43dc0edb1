"""The house itself: floors and walls, names, licences, what may not be in tracked files."""
