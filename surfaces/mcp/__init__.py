"""The MCP server: Leadgraph as tools of a chat agent elsewhere."""
