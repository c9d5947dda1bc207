"""Extensions of the editor: what is asked for, what is there, and how it gets there."""
