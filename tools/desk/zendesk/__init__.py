"""Zendesk as a desk."""

from tools.desk.zendesk.connector import MANNERS, OWN, Zendesk, conversation_of
from tools.desk.zendesk.reading import Tickets

__all__ = ["MANNERS", "OWN", "Tickets", "Zendesk", "conversation_of"]
