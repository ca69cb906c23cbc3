# mypy: ignore-errors
"""The methods that run at each organization."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd
from vantage6.algorithm.client import AlgorithmClient
from vantage6.algorithm.tools.decorators import RunMetaData, algorithm_client, data, metadata
from vantage6.algorithm.tools.util import get_env_var


@data(1)
def partial_sum(df: pd.DataFrame, column: str) -> dict[str, Any]:
    """The sum and the count of one column."""
    return {"sum": float(df[column].sum()), "count": len(df)}


@data(2)
def partial_compare(first: pd.DataFrame, second: pd.DataFrame) -> list[list[str]]:
    """The columns of two databases, in the order in which upstream's decorator gives them."""
    return [list(first.columns), list(second.columns)]


@algorithm_client
def partial_who(client: AlgorithmClient) -> int:
    """The organization, from the client of a partial method."""
    return client.organization_id


@algorithm_client
@data(1)
def partial_describe(df: pd.DataFrame, client: AlgorithmClient) -> list[Any]:
    """Both decorators the other way round."""
    return [len(df), isinstance(client, AlgorithmClient), client.organization_id]


@metadata
def partial_metadata(run: RunMetaData) -> list[Any]:
    """What upstream's decorator reads from the token and the environment."""
    return [run.task_id, run.organization_id, run.token_file.exists()]


def partial_environment() -> dict[str, Any]:
    """Variables of the node's ``algorithm_env``, read in every way."""
    return {
        "code": [get_env_var("SITE_CODE"), os.environ["SITE_CODE"]],
        "word": [get_env_var("SITE_WORD"), os.environ["SITE_WORD"]],
        "bool": get_env_var("SITE_FLAG", "false", as_type="bool"),
        "int": get_env_var("SITE_LIMIT", as_type="int"),
        "default": get_env_var("SITE_ABSENT", "a default"),
        "default_int": get_env_var("SITE_ABSENT", "5", "int"),
    }
