"""From data sets as they are downloaded to datalists.

``fundus-mtl prepare refuge RAW OUT``, or from the checkout ``python -m data_prep.refuge RAW OUT``. Every module here
without a leading underscore is a data set: ``main(argv) -> int`` is its command. Imports inside are relative, because the
package is called ``data_prep`` in the checkout and ``fundus_mtl.data_prep`` in the wheel.
"""
