"""What the registry says of the data that it gives to everybody."""

from datetime import date
from typing import Literal

from pydantic import Field

from services.kernel.schemas import Out
from services.kernel.text import TextOut


class RecognitionColumnOut(Out):
    name: str
    meaning: TextOut


class RecognitionFileOut(Out):
    media_type: str
    url: str
    remark: TextOut = Field(description="读取时须知。What to know when reading it.")


class RecognitionLicenceOut(Out):
    id: str = Field(description="SPDX", examples=["CC-BY-4.0"])
    url: str


class RecognitionDataSetOut(Out):
    """一个开放数据集：有哪些列、许可、更新方式、行数、下载地址。What there is, and how to have it."""

    name: str
    title: TextOut
    description: TextOut
    licence: RecognitionLicenceOut
    freshness: TextOut
    update_frequency: Literal["continuous"]
    as_of: date = Field(description="行数和内容所属的日期。The day that count and content are of.")
    row_count: int
    columns: list[RecognitionColumnOut]
    files: list[RecognitionFileOut]


class RecognitionDataSetsOut(Out):
    items: list[RecognitionDataSetOut]
