"""How the workspace is: for people, for whoever operates it, and for their programs."""
