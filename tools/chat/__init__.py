"""Chats in which people are asked and told."""
