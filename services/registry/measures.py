"""培育措施: the five measures of chapter 五, under which support is delivered."""

from collections.abc import Mapping
from enum import StrEnum

from services.kernel.text import Text


class Measure(StrEnum):
    INNOVATION = "innovation"
    DIGITAL = "digital"
    INCUBATION_AND_SERVICES = "incubation_and_services"
    FINANCE = "finance"
    MANAGEMENT = "management"

    @property
    def label(self) -> Text:
        return _LABELS[self]

    @property
    def clause(self) -> str:
        return _CLAUSES[self]


_LABELS: Mapping[Measure, Text] = {
    Measure.INNOVATION: Text(
        "加强技术创新及科技成果转化", "Technical innovation and putting its results to use"
    ),
    Measure.DIGITAL: Text("深入推进数字化赋能行动", "Digital enablement"),
    Measure.INCUBATION_AND_SERVICES: Text(
        "促进中小企业培育孵化及服务能力提升", "Incubation and better services"
    ),
    Measure.FINANCE: Text("优化“专精特新”中小企业融资服务", "Better access to finance"),
    Measure.MANAGEMENT: Text("提升“专精特新”中小企业管理能力", "Better management"),
}
_CLAUSES: Mapping[Measure, str] = {
    Measure.INNOVATION: "五(一)",
    Measure.DIGITAL: "五(二)",
    Measure.INCUBATION_AND_SERVICES: "五(三)",
    Measure.FINANCE: "五(四)",
    Measure.MANAGEMENT: "五(五)",
}
