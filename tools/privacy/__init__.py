"""Personal data: keys in files, sealing under a lead's own key, and contact data as keyed hashes."""
