"""A company's own past, from a CRM or event export, through the contract of live signals."""
