"""The census records: their columns, their classes and what a cleaned value is. Standard library only.

The data is the UCI Census-Income (KDD) data set, extracted from the 1994 and 1995 Current Population Surveys of the
U.S. Census Bureau: https://archive.ics.uci.edu/dataset/117/census+income+kdd
"""

from __future__ import annotations

# The features in the order in which every file without a header, and every request to the model, holds them: the
# survey's columns without ``instance weight``, which says how many people a record stands for, and without the label.
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

# All other features are categories, also those whose values are numbers: an industry's code counts nothing.
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
CLASSES = {"- 50000.": 0, "50000+.": 1}  # a label as published, cleaned -> the class: 1 is above 50,000 dollars

# A record whose probability of class 1 is at least this is labelled 1.
THRESHOLD = 0.5


def clean(value: str) -> str:
    """A value without the blanks around it; the empty string for ``?``, which is how the survey writes "unknown".

    Line breaks within become blanks, because batch transform takes each line for a record.
    """
    value = " ".join(value.split())
    return "" if value == "?" else value


def category(value: str) -> str:
    """The name of a cleaned category. Codes are numbers, so that ``04`` and ``4.0`` are both the category ``4``."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return value
