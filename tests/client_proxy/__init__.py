"""The local proxy: what it answers, and real installers behind it."""
