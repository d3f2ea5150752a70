"""One module for each area of the report; catalogue.py lists every check."""
