"""A home on a disk that is full, read-only, or has damaged what lies on it: end to end, judged by the CRM."""
