"""What changes the organisation. Each service is one verb, keyword-only, and raises its own words."""
