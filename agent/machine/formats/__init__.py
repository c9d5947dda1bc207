"""Texts of others: read and written as the programs do that they belong to."""
