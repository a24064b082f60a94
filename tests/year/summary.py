"""What the summary of a run says of the years that were played."""


def lines(years):
    """Say what each year came to, a fact a line."""
    for name, facts in years.items():
        yield f"a year of {name}: " + ", ".join(f"{fact} {value}" for fact, value in facts.items())
