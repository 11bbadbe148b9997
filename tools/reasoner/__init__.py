"""Reading intents and slots in signals on this machine, without a model."""
