"""The configuration: variables, their parsers, and the context built from them."""
