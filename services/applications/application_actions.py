"""What a reader may do next with an application, refused in the words that doing it would get."""

from datetime import date
from functools import partial

from services.applications.filing_rules import (
    Dossier,
    refuse_confirmation,
    refuse_statement_without_word,
    refuse_withdrawal_without_word,
    require_applicant,
    require_complete,
    require_officer_of,
    require_open,
    require_word,
)
from services.applications.models import Application
from services.applications.workflow import ApplicationStatus, Step, after, refuse_edit
from services.kernel.actions import AvailableAction, offer
from services.kernel.identity.actor import Actor
from services.policy.pack import Pack


def actions_of(
    of: Application, dossier: Dossier, reader: Actor, *, pack: Pack, today: date
) -> list[AvailableAction]:
    href = f"/api/v1/applications/{of.id}"
    edit = partial(_refuse_edit, of, dossier, reader, pack)
    state = partial(_refuse_statement, of, dossier, reader)
    contact = partial(_refuse_contact, of, dossier, reader)
    confirm = partial(_refuse_confirmation, of, reader)
    submit = partial(_refuse_submission, of, dossier, reader, pack, today)
    withdraw = partial(_refuse_withdrawal, of, dossier, reader)
    determine = partial(_refuse_determination, of, reader)
    return [
        offer("edit", "PATCH", href, edit),
        offer("prefill", "POST", f"{href}/prefill", state),
        offer("attach_documents", "PUT", f"{href}/documents/{{kind}}", state),
        offer("set_contact", "PUT", f"{href}/contact", contact),
        offer("determine_size", "PUT", f"{href}/size-determination", determine),
        offer("confirm", "POST", f"{href}/confirmation", confirm),
        offer("submit", "POST", f"{href}/submission", submit),
        offer("withdraw", "POST", f"{href}/withdrawal", withdraw),
    ]


def _refuse_edit(of: Application, dossier: Dossier, reader: Actor, pack: Pack) -> None:
    _refuse_change(of, reader)
    can_change = pack.facts if of.status is ApplicationStatus.DRAFT else of.opened
    # An office enters imported facts in any application, where there are some to enter.
    imported = [name for name in can_change if name in pack.facts and pack.facts[name].is_imported]
    if not imported:
        refuse_statement_without_word(reader, of, dossier.mandate)


def _refuse_change(of: Application, reader: Actor) -> None:
    require_applicant(reader, of)
    refuse_edit(of.status, set(), set(of.opened))


def _refuse_statement(of: Application, dossier: Dossier, reader: Actor) -> None:
    _refuse_change(of, reader)
    refuse_statement_without_word(reader, of, dossier.mandate)


def _refuse_contact(of: Application, dossier: Dossier, reader: Actor) -> None:
    require_applicant(reader, of)
    refuse_statement_without_word(reader, of, dossier.mandate)
    after(of.status, Step.WITHDRAW)


def _refuse_confirmation(of: Application, reader: Actor) -> None:
    require_applicant(reader, of)
    refuse_confirmation(reader, of)


def _refuse_submission(
    of: Application, dossier: Dossier, reader: Actor, pack: Pack, today: date
) -> None:
    require_applicant(reader, of)
    require_word(reader, of, dossier.mandate)
    after(of.status, Step.SUBMIT)
    if of.status is ApplicationStatus.DRAFT:
        require_open(of.round, today)
    require_complete(pack, of, dossier)


def _refuse_withdrawal(of: Application, dossier: Dossier, reader: Actor) -> None:
    require_applicant(reader, of)
    after(of.status, Step.WITHDRAW)
    refuse_withdrawal_without_word(reader, of, dossier.mandate)


def _refuse_determination(of: Application, reader: Actor) -> None:
    require_officer_of(of, reader)
    refuse_edit(of.status, set(), set())
