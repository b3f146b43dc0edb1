"""Tests of the facts room."""
