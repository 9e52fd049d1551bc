"""From data sets as they are downloaded to datalists, run from the checkout: ``python -m data_prep.refuge RAW OUT``."""
