"""Chatwoot as a desk."""

from tools.desk.chatwoot.connector import OWN, Chatwoot, conversation_of
from tools.desk.chatwoot.reading import MANNERS
from tools.desk.chatwoot.talks import ChatwootTalks

__all__ = ["MANNERS", "OWN", "Chatwoot", "ChatwootTalks", "conversation_of"]
