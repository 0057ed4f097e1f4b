"""The census records: columns, classes and the cleaning of values. Standard library only.

The data is the UCI Census-Income (KDD) data set, extracted from the 1994 and 1995 Current Population Surveys of the
U.S. Census Bureau: https://archive.ics.uci.edu/dataset/117/census+income+kdd
"""

from __future__ import annotations

# The features, in the order of all files without a header and of requests to the model: the survey's columns without
# the label and without ``instance weight``, the number of people that a record represents.
FEATURES = (
    "age",
    "class of worker",
    "detailed industry recode",
    "detailed occupation recode",
    "education",
    "wage per hour",
    "enroll in edu inst last wk",
    "marital stat",
    "major industry code",
    "major occupation code",
    "race",
    "hispanic origin",
    "sex",
    "member of a labor union",
    "reason for unemployment",
    "full or part time employment stat",
    "capital gains",
    "capital losses",
    "dividends from stocks",
    "tax filer stat",
    "region of previous residence",
    "state of previous residence",
    "detailed household and family stat",
    "detailed household summary in household",
    "migration code-change in msa",
    "migration code-change in reg",
    "migration code-move within reg",
    "live in this house 1 year ago",
    "migration prev res in sunbelt",
    "num persons worked for employer",
    "family members under 18",
    "country of birth father",
    "country of birth mother",
    "country of birth self",
    "citizenship",
    "own business or self employed",
    "fill inc questionnaire for veteran's admin",
    "veterans benefits",
    "weeks worked in year",
    "year",
)

# All other features are categories, even if their values are numbers, such as industry codes.
NUMERIC = frozenset(
    {
        "age",
        "wage per hour",
        "capital gains",
        "capital losses",
        "dividends from stocks",
        "num persons worked for employer",
        "weeks worked in year",
    }
)

LABEL = "income"
CLASSES = {"- 50000.": 0, "50000+.": 1}  # published label, cleaned -> class; 1 means above 50,000 dollars

# A record with at least this probability of class 1 is labelled 1.
THRESHOLD = 0.5


def clean(value: str) -> str:
    """Strips surrounding whitespace and turns ``?``, the survey's "unknown", into the empty string.

    Line breaks inside a value become spaces, because batch transform treats each line as a record.
    """
    value = " ".join(value.split())
    return "" if value == "?" else value


def category(value: str) -> str:
    """Normalises a cleaned category: numeric codes such as ``04`` and ``4.0`` both become ``4``."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return value
