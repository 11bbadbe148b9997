"""The embedded CRM: a SQLite file of its own, in this process or in one of its own behind a loopback port.

`EmbeddedCrm` is the target in this process (`remote.RemoteCrm` the same over HTTP), `People` what salespeople do to the
records, `Reports` what the CRM itself has on record.
"""

from tools.crm.embedded.book import Book
from tools.crm.embedded.people import People
from tools.crm.embedded.reports import Reports
from tools.crm.embedded.target import EmbeddedCrm

__all__ = ["Book", "EmbeddedCrm", "People", "Reports"]
