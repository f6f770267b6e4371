"""The JSON API: schemas, handlers and its documentation."""
