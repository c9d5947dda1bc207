"""Installing the AI tools: what each needs, how npm brings it, and how each stands."""
