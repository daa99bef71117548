"""A support desk in five modules: what examples 18 and 19 look at."""
