"""Identifiers. Each is a string with a type of its own, so that one cannot stand in for another."""

from typing import NewType

TenantId = NewType("TenantId", str)
"""One customer of this installation. Every stored row carries it."""
Region = NewType("Region", str)
"""Data region of a row, such as ``eu`` or ``us``."""
LeadId = NewType("LeadId", str)
"""``ld_`` and 20 hex digits, at least 12 of them random; never derived from personal data."""
AccountId = NewType("AccountId", str)
"""The company's key as the source names it, normalised."""
SignalId = NewType("SignalId", str)
"""``source:id``; the key under which a source's delivery is deduplicated within a tenant."""
RunId = NewType("RunId", str)
DecisionId = NewType("DecisionId", str)
ActionId = NewType("ActionId", str)
WriterId = NewType("WriterId", str)
"""A process role that owns one audit chain per tenant."""
