"""Steps: each says which files it wants for given settings."""
