"""The values: pure functions and tables, with no disk, no network and no clock."""
