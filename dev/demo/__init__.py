"""The demos: `make demo`, `make demo-fault`, `make demo-quota`, `make demo-down`."""
