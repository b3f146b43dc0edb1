"""Tests of the upload room."""
