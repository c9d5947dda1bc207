"""What was asked for: the variables, how each is read, and the context made of them."""
