"""Policy as data: tables that people edit, read strictly, evaluated by zen-engine, versioned by content."""
