"""Tests mirror the tree; each is named after the promise it keeps."""
