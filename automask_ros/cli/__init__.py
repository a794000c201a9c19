"""The command line: thin, over the library, stage one and stage two."""
