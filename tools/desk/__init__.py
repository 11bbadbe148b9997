"""Support desks: where a conversation is handed to sales."""
