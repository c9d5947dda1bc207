"""Dotfiles: the user's own files for the home folder, from a repository of theirs."""
