"""What operators look at, as code; its queries are shared with the alerts."""
