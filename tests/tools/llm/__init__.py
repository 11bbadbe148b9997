"""Tests of the path to a language model, over real HTTP."""
