"""The doors for what vendors send by themselves."""
