"""The one port, `Store`, and its adapters. Importing the port imports no adapter."""
