"""Language models behind OpenAI-compatible endpoints: one question, one answer in its form, in time and in budget."""
