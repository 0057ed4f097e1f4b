"""Processing job: turns the census records into what SageMaker's built-in XGBoost takes.

That is CSV without a header, numbers only, the label in the first column
(https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html#InputOutput-XGBoost). Reads every CSV file under
``/opt/ml/processing/input`` and writes, under ``/opt/ml/processing``:

- ``train/train.csv``, ``validation/validation.csv`` and ``test/test.csv``: label and features;
- ``records/records.csv``: the features of ``test.csv``, as batch transform and the endpoint take them;
- ``encoding/categories.json``: each category's number, which clients of the endpoint need.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd

PROCESSING = Path("/opt/ml/processing")
LABEL, POSITIVE = "income", "50000+."
LEFT_OUT = [LABEL, "instance weight"]  # the number of people that a record represents
SHARES = {"test": 0.2, "validation": 0.2}


def encode(records: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Returns the features as numbers, and the categories of each column whose values are not numbers, in order."""
    features, categories = records.drop(columns=LEFT_OUT).copy(), {}
    for name in features.columns:
        if not pd.api.types.is_numeric_dtype(features[name]):
            column = features[name].astype("category")
            categories[name] = [str(value) for value in column.cat.categories]
            features[name] = column.cat.codes.where(column.notna())  # an unknown value stays empty
    return features, categories


def save(table: pd.DataFrame, name: str) -> None:
    """Writes a table without a header to its folder."""
    folder = PROCESSING / name
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / f"{name}.csv", header=False, index=False)


def main() -> None:
    """Encodes and splits all records."""
    files = sorted((PROCESSING / "input").rglob("*.csv"))
    if not files:
        sys.exit("no CSV file under /opt/ml/processing/input")
    records = pd.concat([pd.read_csv(file, skipinitialspace=True, na_values="?") for file in files])
    missing = [name for name in LEFT_OUT if name not in records.columns]
    if missing:
        sys.exit(f"no column named {', '.join(missing)}")
    records = records.sample(frac=1, random_state=1)
    features, categories = encode(records)
    labels = (records[LABEL].str.strip() == POSITIVE).astype(int)
    table = pd.concat([labels, features], axis=1)
    start = 0
    for name, share in SHARES.items():
        end = start + round(share * len(table))
        save(table.iloc[start:end], name)
        start = end
    save(table.iloc[start:], "train")
    save(features.iloc[: round(SHARES["test"] * len(table))], "records")
    encoding = PROCESSING / "encoding"
    encoding.mkdir(parents=True, exist_ok=True)
    (encoding / "categories.json").write_text(json.dumps(categories, indent=1))
    print(f"{len(table):,} records with {features.shape[1]} features, {labels.mean():.1%} of them in class 1")


if __name__ == "__main__":
    main()
