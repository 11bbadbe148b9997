"""Values and pure rules of lead qualification: no clock, no I/O, standard library and pydantic only."""
