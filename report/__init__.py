"""The run report: one HTML page that tells all of one execution, and needs nothing but itself.

The way through: ``collect`` asks AWS, or the emulator, for the ``facts`` of an execution, by way of
``executions``. ``page`` writes them as HTML:
``outcome`` puts the end into words, ``sections`` and ``origin`` make each part, ``charts`` and ``svg`` draw the curves,
``templates/`` holds the layout and the style. All but ``collect`` is pure: data in, text out.
"""
