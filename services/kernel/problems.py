"""Refusals as RFC 9457 problem documents, in Chinese and English.

A refusal is a class: its status, slug and title never change, because clients branch on them.
What is particular to one refusal is its detail, written where it is raised.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from services.kernel.text import Language, Text

PROBLEM_MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One thing that is wrong in what was sent."""

    model_config = ConfigDict(frozen=True)

    pointer: str = Field(
        description="请求体中的位置（JSON Pointer），或 ?参数名。"
        " JSON Pointer into the body, or ?name of a query parameter.",
        examples=["/facts/operating_revenue"],
    )
    code: str = Field(description="稳定的错误代码。Stable code.", examples=["too_many_decimals"])
    detail: str = Field(description="说明。What is wrong.", examples=["金额最多两位小数。"])


class ProblemOut(BaseModel):
    """Problem document (RFC 9457)."""

    type: str = Field(examples=["/problems/application-not-found"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="被拒绝的请求路径。The path that was refused.")
    errors: list[FieldError]
    request_id: str


class Problem(Exception):
    """A refusal that the caller is told about; it becomes an RFC 9457 document.

    `settles` says that the same request would be refused again, so that an idempotency key may
    answer with it for ever. A refusal that passes by itself (busy, unauthorised) does not settle.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"
    title: ClassVar[Text] = Text("系统内部错误", "Something failed on our side")
    meaning: ClassVar[Text] = Text(
        "系统发生意外错误，已记录。请稍后重试；仍失败时请提供 request_id。",
        "An unexpected failure was recorded. Try again later; if it persists, quote request_id.",
    )
    settles: ClassVar[bool] = True

    def __init__(
        self,
        zh: str | None = None,
        en: str | None = None,
        *,
        errors: Sequence[tuple[str, str, Text]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(en or self.meaning.en)
        self.detail = Text(zh or self.meaning.zh, en or self.meaning.en)
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def document(self, *, language: Language, instance: str, request_id: str) -> dict[str, Any]:
        return ProblemOut(
            type=f"/problems/{self.slug}",
            title=self.title.in_(language),
            status=self.status,
            detail=self.detail.in_(language),
            instance=instance,
            errors=[
                FieldError(pointer=pointer, code=code, detail=detail.in_(language))
                for pointer, code, detail in self.errors
            ],
            request_id=request_id,
        ).model_dump()


class Malformed(Problem):
    status, slug = 422, "malformed-request"
    title = Text("请求内容不符合要求", "The request is malformed")
    meaning = Text(
        "请求内容有误，errors 逐项指出位置、代码和说明。",
        "The request cannot be read; errors names each place, its code and what is wrong.",
    )


class UnknownField(Problem):
    status, slug = 422, "unknown-field"
    title = Text("请求包含未定义的字段", "The request has a field that is not defined")
    meaning = Text(
        "未定义的字段一律拒绝，以免写错字段名而不被发现。请更正后重发。",
        "Fields that are not defined are refused, so that a misspelt one is noticed.",
    )


class UnknownFilter(Problem):
    status, slug = 422, "unknown-filter"
    title = Text("查询参数未定义", "A query parameter is not defined")
    meaning = Text(
        "未定义的查询参数一律拒绝，绝不忽略。请对照接口文档。",
        "Query parameters that are not defined are refused, never ignored.",
    )


class CursorInvalid(Problem):
    status, slug = 422, "cursor-invalid"
    title = Text("翻页标记无效", "The paging cursor is not one of ours")
    meaning = Text(
        "after 须原样取自上一页的 next。",
        "`after` must be the `next` of a previous page, unchanged.",
    )


class NotAuthenticated(Problem):
    status, slug, settles = 401, "not-authenticated", False
    title = Text("未登录或令牌无效", "No valid access token")
    meaning = Text(
        "请携带有效的 Bearer 访问令牌。",
        "Send a valid Bearer access token.",
    )


class NotAllowed(Problem):
    status, slug, settles = 403, "not-allowed", False
    title = Text("无权办理", "You may not do this")
    meaning = Text(
        "令牌的岗位或权限范围不包含此项操作。",
        "The offices or scopes of your token do not include this.",
    )


class NotFound(Problem):
    status, slug = 404, "not-found"
    title = Text("未找到", "There is no such thing for you")
    meaning = Text(
        "该地址不存在，或您无权查看。",
        "The address does not exist, or you may not see it.",
    )


class MethodNotAllowed(Problem):
    status, slug = 405, "method-not-allowed"
    title = Text("不支持该请求方法", "This method is not offered here")
    meaning = Text("该地址不支持此请求方法，见 Allow。", "See Allow for the methods offered here.")


class Busy(Problem):
    status, slug, settles = 409, "busy", False
    title = Text("有人正在办理，请稍候", "Somebody else is working on this right now")
    meaning = Text(
        "同一事项正被其他请求处理，什么都没有改变。请稍后重试。",
        "Another request holds the same matter; nothing was changed. Try again.",
    )


class SeparationOfDuties(Problem):
    status, slug = 409, "separation-of-duties"
    title = Text("须由另一人办理", "Another person has to do this")
    meaning = Text(
        "同一事项的不同环节须由不同的人办理。",
        "Different steps of one matter are taken by different people.",
    )


class Stale(Problem):
    status, slug, settles = 412, "stale", False
    title = Text("内容已被他人更新", "It has changed since you read it")
    meaning = Text(
        "If-Match 与当前版本不一致。请重新读取后再改。",
        "If-Match does not name the current version. Read it again, then change it.",
    )


class TooLarge(Problem):
    status, slug = 413, "too-large"
    title = Text("内容过大", "The content is too large")
    meaning = Text("请求体超过上限。", "The body is larger than accepted here.")


class MediaTypeNotSupported(Problem):
    status, slug = 415, "media-type-not-supported"
    title = Text("不支持该媒体类型", "The media type is not accepted")
    meaning = Text(
        "请以 application/json（UTF-8）发送。",
        "Send application/json in UTF-8.",
    )


class IdempotencyKeyReused(Problem):
    status, slug = 422, "idempotency-key-reused"
    title = Text("幂等键已用于另一请求", "The idempotency key belongs to another request")
    meaning = Text(
        "同一 Idempotency-Key 只能重发完全相同的请求；新的请求请换新键。",
        "The same Idempotency-Key may only repeat the same request; a new request needs a new key.",
    )


class PreconditionRequired(Problem):
    status, slug, settles = 428, "precondition-required", False
    title = Text("缺少 If-Match", "If-Match is needed")
    meaning = Text(
        "修改须携带 If-Match（读取时返回的 ETag），以免覆盖他人的改动。",
        "A change needs If-Match with the ETag you read, so that nobody is overwritten.",
    )


class UploadTruncated(Problem):
    status, slug, settles = 400, "upload-truncated", False
    title = Text("文件未完整上传", "The upload was cut short")
    meaning = Text(
        "收到的字节数少于声明的长度，什么都没有保存。请重新上传。",
        "Fewer bytes came than were announced, and nothing was kept. Send it again.",
    )


class DigestMismatch(Problem):
    status, slug, settles = 422, "digest-mismatch", False
    title = Text("文件内容与摘要不符", "The content is not what its digest says")
    meaning = Text(
        "文件的 SHA-256 与 Content-Digest 不一致，什么都没有保存。请重新上传。",
        "Its SHA-256 is not the one of Content-Digest, and nothing was kept. Send it again.",
    )


class FileNameInvalid(Problem):
    status, slug = 422, "file-name-invalid"
    title = Text("文件名不可用", "The file name cannot be used")
    meaning = Text(
        '文件名须为 1 至 200 个字符，不得包含路径、控制字符或 : * ? " < > |。',
        'A file name has 1 to 200 characters, without a path, control characters or any of : * ? " < > |.',
    )


class RangeNotSatisfiable(Problem):
    status, slug = 416, "range-not-satisfiable"
    title = Text("请求的范围超出文件", "The range lies beyond the file")
    meaning = Text("Content-Range 说明文件的大小。", "Content-Range says how large it is.")


class BodyTooSlow(Problem):
    status, slug, settles = 408, "body-too-slow", False
    title = Text("请求体传输中断", "The body stopped coming")
    meaning = Text(
        "请求体长时间未继续传输，什么都没有改变。",
        "No more of the body came for too long, and nothing was changed.",
    )


class Overloaded(Problem):
    status, slug, settles = 503, "overloaded", False
    title = Text("系统繁忙", "The platform cannot serve this now")
    meaning = Text(
        "系统暂时无法处理，什么都没有改变。请按 Retry-After 重试。",
        "It cannot be served now and nothing was changed. Try again after Retry-After seconds.",
    )


def documented(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Describe refusals for `responses=` of a route, one example for each."""
    responses: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        entry = responses.setdefault(
            problem.status,
            {
                "model": ProblemOut,
                "description": "",
                "content": {PROBLEM_MEDIA_TYPE: {"examples": {}}},
            },
        )
        titles = f"{problem.title.zh} · {problem.title.en}"
        entry["description"] = "; ".join(filter(None, (entry["description"], titles)))
        entry["content"][PROBLEM_MEDIA_TYPE]["examples"][problem.slug] = {
            "summary": titles,
            "value": problem().document(
                language="zh-CN", instance="/api/v1/…", request_id="0199e7c0-example"
            ),
        }
    return responses


def problem_catalogue(*packages: str) -> dict[str, dict[str, Any]]:
    """Return the refusals defined in some packages, by slug, for the pages under /problems/."""
    return {
        problem.slug: {
            "status": problem.status,
            "title": {"zh": problem.title.zh, "en": problem.title.en},
            "meaning": {"zh": problem.meaning.zh, "en": problem.meaning.en},
        }
        for problem in sorted(_with_kinds(Problem), key=lambda problem: problem.slug)
        if problem.__module__.startswith(packages)
    }


def _with_kinds(problem: type[Problem]) -> Iterator[type[Problem]]:
    yield problem
    for kind in problem.__subclasses__():
        yield from _with_kinds(kind)
