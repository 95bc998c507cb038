"""The pages that show results: the patient, the scan, uploads and files."""
