"""Makes a repository of a user's own around this module: ``mlops init``, and moves its pin: ``mlops upgrade``.

1. :mod:`repository.table` reads the user's table with the scripts (``sample_table.py``): the label's column, and a part
   of the records that fits a repository.
2. :mod:`repository.creation` fills in ``template/``, adds the module's scripts, and puts everything in place at once.
3. :mod:`repository.pin` reads and moves the release in ``module.mk``, and says what has changed since.
"""
