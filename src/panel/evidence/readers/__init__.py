"""Documents of every format as passages: what a reader of the page sees, and what was hidden."""
