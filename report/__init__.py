"""The run report: one self-contained HTML page about one execution.

``collect`` gathers the ``facts`` of an execution from AWS, or from the emulator. ``page`` renders them as HTML:
``outcome`` writes the headline, ``sections`` and ``origin`` prepare each part, ``charts`` and ``svg`` draw the curves,
``templates/`` has the layout and the style. All but ``collect`` is pure: data in, text out.
"""
