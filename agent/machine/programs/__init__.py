"""Running programs: for their words, for a user, for long; and ending them."""
