"""Records compared, field by field: with what they were, and with a user's conditions. Pure."""
