"""What changes the organisation. A service is one verb, keyword-only, with errors in words."""
