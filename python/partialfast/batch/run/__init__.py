"""What a command runs: whole jobs, salvage, and what a person sees of them."""
