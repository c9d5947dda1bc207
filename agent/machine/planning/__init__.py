"""How files come about: what a step may want, what is there, whose it is, and the change."""
