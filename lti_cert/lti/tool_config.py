"""What pylti1p3 asks about platforms, answered from our tables."""

from functools import cache
from typing import Any

from pylti1p3.deployment import Deployment
from pylti1p3.registration import Registration
from pylti1p3.request import Request
from pylti1p3.tool_config.abstract import ToolConfAbstract

from lti_cert.lti import models, registrations


class ToolConf(ToolConfAbstract[Request]):
    """Registrations are always found by issuer and client id together: all Canvas clouds share one issuer.

    It serves one launch, in which it is asked for the same registration more than once.
    """

    def __init__(self) -> None:
        self._find = cache(registrations.find)

    def check_iss_has_one_client(self, iss: str) -> bool:
        return False

    def check_iss_has_many_clients(self, iss: str) -> bool:
        return True

    def find_registration_by_issuer(self, iss: str, *args: Any, **kwargs: Any) -> Registration:
        return _registration(self._find(iss, None))

    def find_registration_by_params(self, iss: str, client_id: str, *args: Any, **kwargs: Any) -> Registration:
        return _registration(self._find(iss, client_id))

    def find_deployment(self, iss: str, deployment_id: str) -> Deployment | None:
        return _deployment(self._find(iss, None), deployment_id)

    def find_deployment_by_params(
        self, iss: str, deployment_id: str, client_id: str, *args: Any, **kwargs: Any
    ) -> Deployment | None:
        return _deployment(self._find(iss, client_id), deployment_id)


def _registration(row: models.Registration) -> Registration:
    return (
        Registration()
        .set_issuer(row.issuer)
        .set_client_id(row.client_id)
        .set_auth_login_url(row.auth_url)
        .set_auth_token_url(row.token_url)
        .set_auth_audience(row.token_audience)
        .set_key_set_url(row.jwks_url)
    )


def _deployment(row: models.Registration, deployment_id: str) -> Deployment | None:
    """Only one that may launch."""
    is_active = registrations.standing_of(row, deployment_id) == models.Standing.ACTIVE
    return Deployment().set_deployment_id(deployment_id) if is_active else None
