"""Backups of a home: taken beside running workers, verified, and restored so that nothing is done twice."""
