"""From an image to tracked expressions; knows no message, no parameter and no transport."""
