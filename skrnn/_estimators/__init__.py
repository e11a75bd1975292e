"""The estimators: rows in, rows out."""
