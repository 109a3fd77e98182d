"""The console's addresses of platforms: look, invite, add, correct, check, switch, move."""

from datetime import timedelta

from flask import redirect, render_template, request, url_for

from lti_cert.admin import audit_list, forms, platform_health, session, words
from lti_cert.admin.console import ID, Answer, actor, ask, bp, done, is_confirmed, page_of
from lti_cert.core.database import transaction
from lti_cert.core.errors import InputRejected
from lti_cert.lti import products, registrations
from lti_cert.registration import check, invites, platforms, rehome

_ONE = f"/platforms/<{ID}:registration_id>"


@bp.get("/platforms", endpoint="platforms")
def listing() -> str:
    return render_template(
        "admin/platforms.html",
        rows=platform_health.all_rows(),
        healths=words.PLATFORMS,
        open_invites=invites.open_count(),
    )


@bp.get("/platforms/invite")
def invite_platform() -> str:
    return render_template("admin/invite.html", form=forms.InviteForm())


@bp.post("/platforms/invite")
def send_invite() -> Answer:
    form = forms.InviteForm(request.form)
    if not form.validate():
        return render_template("admin/invite.html", form=form), 422
    with transaction():
        invited = invites.create(
            actor=actor(),
            name=form.name.data or "",
            activates=form.activates.data,
            accepts_new_deployments=forms.DEPLOYMENTS[form.deployments.data],
            lifetime=timedelta(days=form.days.data or invites.LIFETIME.days),
        )
    session.keep_once("invited", [invited.invite_id, invited.address])
    return redirect(url_for(".show_invited"), 303)


@bp.get("/platforms/invited")
def show_invited() -> Answer:
    """Once, and by a page of its own, so that loading it again makes no further invitation."""
    kept = session.take_kept("invited")
    if kept is None:
        return done(
            "An address is shown once. If you have not copied it, withdraw the invitation and make another.",
            ".all_invites",
            "waiting",
        )
    invite_id, address = kept
    return render_template("admin/invited.html", invite=invites.get(invite_id), address=address)


@bp.get("/platforms/invites")
def all_invites() -> str:
    found = page_of(invites.listing())
    return render_template(
        "admin/invites.html",
        pages=found,
        state=invites.state,
        states=words.INVITES,
        actors=audit_list.actors(one.created_by for one in found),
    )


@bp.post(f"/platforms/invites/<{ID}:invite_id>/withdraw")
def withdraw_invite(invite_id: int) -> Answer:
    found = invites.get(invite_id)
    if not is_confirmed():
        return ask(
            f"Withdraw invitation {invite_id}{f' for {found.name}' if found.name else ''}?",
            "Nobody can register with its address any more. You can make another invitation at any time.",
            "Withdraw",
            url_for(".all_invites"),
        )
    with transaction():
        invites.withdraw(invite_id, actor=actor())
    return done(f"Invitation {invite_id} is withdrawn.", ".all_invites")


@bp.get("/platforms/add")
def add_platform() -> str:
    return _add_page(forms.AddForm())


def _add_page(form: forms.AddForm, problems: tuple[str, ...] = ()) -> str:
    return render_template("admin/add.html", form=form, problems=problems, addresses=platforms.tool_addresses())


@bp.post("/platforms/add")
def send_added() -> Answer:
    form = forms.AddForm(request.form)
    if not form.validate():
        return _add_page(form), 422
    sent = form.data
    deployment_id = sent.pop("deployment_id")
    try:
        with transaction():
            added = platforms.add(actor=actor(), deployment_ids=[deployment_id] if deployment_id else [], **sent)
    except InputRejected as fault:
        return _add_page(form, form.refuse(fault)), fault.status
    return done("The platform is registered and may launch. Check it now.", ".platform", registration_id=added.id)


@bp.get(_ONE)
def platform(registration_id: int) -> str:
    return _page(registration_id)


def _page(
    registration_id: int,
    *,
    deployment: forms.DeploymentForm | None = None,
    move: forms.MoveForm | None = None,
    problems: tuple[str, ...] = (),
    findings: list[check.Finding] | None = None,
) -> str:
    row = platform_health.row(registrations.get(registration_id))
    others = [one for one in registrations.all_registrations() if one.id != registration_id]
    return render_template(
        "admin/platform.html",
        row=row,
        keys_health=platform_health.keys_health(row.key_set),
        deployments=words.DEPLOYMENTS,
        form=deployment or forms.DeploymentForm(),
        move=move or (forms.MoveForm.among(others) if others and row.courses else None),
        problems=problems,
        findings=findings,
        next_step=products.of(row.registration.product).after_registration,
    )


@bp.post(f"{_ONE}/check")
def check_platform(registration_id: int) -> str:
    return _page(registration_id, findings=check.check(registration_id))


@bp.get(f"{_ONE}/correct")
def correct_platform(registration_id: int) -> str:
    found = registrations.get(registration_id)
    return render_template("admin/correct.html", form=forms.CorrectForm(obj=found), registration=found)


@bp.post(f"{_ONE}/correct")
def send_correction(registration_id: int) -> Answer:
    form = forms.CorrectForm(request.form)
    problems: tuple[str, ...] = ()
    status = 422
    if form.validate():
        try:
            with transaction():
                platforms.update(registration_id, actor=actor(), **form.changes())
        except InputRejected as fault:
            problems, status = form.refuse(fault), fault.status
        else:
            return done("Saved. Check the platform now.", ".platform", registration_id=registration_id)
    found = registrations.get(registration_id)
    return render_template("admin/correct.html", form=form, registration=found, problems=problems), status


@bp.post(f"{_ONE}/activate")
def activate_platform(registration_id: int) -> Answer:
    with transaction():
        platforms.activate(registration_id, actor=actor())
    return done("The platform may launch.", ".platform", registration_id=registration_id)


@bp.post(f"{_ONE}/deactivate")
def deactivate_platform(registration_id: int) -> Answer:
    found = registrations.get(registration_id)
    if not is_confirmed():
        return ask(
            f"Switch off {found.name or found.issuer}?",
            "Its launches, open pages and syncs stop at once. Nothing is lost; you can switch it on again.",
            "Switch off",
            url_for(".platform", registration_id=registration_id),
        )
    with transaction():
        platforms.deactivate(registration_id, actor=actor())
    return done("The platform is switched off.", ".platform", registration_id=registration_id)


@bp.post(f"{_ONE}/deployments/accept")
def accept_deployment(registration_id: int) -> Answer:
    form = forms.DeploymentForm(request.form)
    if not form.validate():
        return _page(registration_id, deployment=form), 422
    deployment_id = str(form.deployment_id.data)
    try:
        with transaction():
            platforms.accept_deployment(registration_id, deployment_id, actor=actor())
    except InputRejected as fault:
        return _page(registration_id, deployment=form, problems=form.refuse(fault)), fault.status
    return done(f"Deployment {deployment_id} may launch.", ".platform", registration_id=registration_id)


@bp.post(f"{_ONE}/deployments/refuse")
def refuse_deployment(registration_id: int) -> Answer:
    form = forms.DeploymentForm(request.form)
    forms.check(form)
    deployment_id = str(form.deployment_id.data)
    if not is_confirmed():
        return ask(
            f"Switch off deployment {deployment_id}?",
            "Its launches and open pages stop at once. Nothing is lost; you can accept it again.",
            "Switch off",
            url_for(".platform", registration_id=registration_id),
        )
    with transaction():
        platforms.refuse_deployment(registration_id, deployment_id, actor=actor())
    return done(f"Deployment {deployment_id} is switched off.", ".platform", registration_id=registration_id)


@bp.post(f"{_ONE}/move")
def move_courses(registration_id: int) -> Answer:
    old = registrations.get(registration_id)
    form = forms.MoveForm.among(registrations.all_registrations(), request.form)
    if not form.validate():
        return _page(registration_id, move=form), 422
    new = registrations.get(int(form.to.data))
    if not is_confirmed():
        return ask(
            f"Move all courses of {old.name or old.issuer} to {new.name or new.issuer}?",
            "Certificates, rules and people follow. Grades come with the first launch of each course from there. "
            "There is no way back by itself.",
            "Move the courses",
            url_for(".platform", registration_id=registration_id),
        )
    try:
        with transaction():
            moved = rehome.rehome(old.id, new.id, actor=actor(), deployment_id=form.deployment_id.data or "")
    except InputRejected as fault:
        return _page(registration_id, move=form, problems=form.refuse(fault)), fault.status
    return done(f"{moved} {'course' if moved == 1 else 'courses'} moved.", ".platform", registration_id=new.id)
