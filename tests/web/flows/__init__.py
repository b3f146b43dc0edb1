"""What people meet on their ways through an account, each state and each error, in a real browser; docs/administrator/flows.md
names the test of each."""
