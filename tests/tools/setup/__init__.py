"""Setting vendors up."""
