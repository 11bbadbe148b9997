"""Memory of what was said: vectors in Chroma, or in this process."""
