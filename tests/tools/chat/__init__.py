"""Slack: the connector, and a workspace in memory."""
