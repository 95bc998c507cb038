"""Who was imaged, and when: patients, their history, studies and scans."""
