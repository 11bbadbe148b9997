"""The state machine: the only folder that knows LangGraph."""
