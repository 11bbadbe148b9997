"""Marketing programmes at a vendor: lists that a lead is put on and taken off."""
