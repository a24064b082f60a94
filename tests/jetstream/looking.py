"""What lies on a bus whose folders are one level deep."""


def all_of(store):
    """Return each document by its key."""
    keys = [f"{folder}/{name}" for folder in store.list("") for name in store.list(folder)]
    return {key: store.read(key) for key in keys}
