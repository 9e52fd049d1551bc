"""From a data set as it is downloaded to datalists: run from the checkout, for example ``python -m data_prep.refuge RAW OUT``."""
