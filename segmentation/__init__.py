"""What was found on a scan, by which model or person, and the pages that show it."""
