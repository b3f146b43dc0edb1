"""Collecting what browsers, messengers and wallets keep secret."""
