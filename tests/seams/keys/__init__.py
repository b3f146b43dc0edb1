"""Places where an online key can live, for tests: a token, and faithful little services that speak the real wire protocols."""
