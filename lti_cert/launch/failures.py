"""Why a launch is refused: each reason in words for the person in front of it; the log has the detail."""

from collections.abc import Mapping

from lti_cert.core.errors import LtiCertError


class LaunchRefused(LtiCertError):
    title = "The launch was refused"
    message = "The learning platform opened this tool in a way that cannot be accepted."
    guidance = (
        "Open the tool again from your course. If this page comes back, tell the administrator the reference number."
    )


class LoginIncomplete(LaunchRefused):
    title = "The login request is incomplete"
    message = "The learning platform left out something that every login needs."
    guidance = "Open the tool from inside your course. The administrator finds in the log what is missing."


class LoginUnusable(LaunchRefused):
    title = "The login request cannot be used"
    message = "What the learning platform sent with it cannot be what it should."
    guidance = "Open the tool from inside your course. If it stays, tell its administrator what is said here."


class FieldRepeated(LaunchRefused):
    title = "Something was sent twice"
    message = "The learning platform sent a value more than once, so there is no telling which one counts."


class TargetForeign(LaunchRefused):
    title = "The launch leads elsewhere"
    message = "The learning platform named an address to open that is not one of this tool."
    guidance = "The administrator of the platform corrects the tool's address (target_link_uri) there."


class LaunchByLink(LaunchRefused):
    title = "Open this from your course"
    message = "This address only works when the learning platform opens it for you."
    guidance = "Go to your course and choose the certificate link there."


class PlatformRefused(LaunchRefused):
    """The platform answered the authentication request with an error in place of a token."""

    title = "The learning platform did not let you through"
    message = "It answered that it cannot open the tool for you now."


class TokenMissing(LaunchRefused):
    title = "The launch carries no token"
    message = "The learning platform sent no id_token. Launches of LTI 1.1 and 1.0 are not supported."
    guidance = "The administrator of the platform sets the tool up with LTI 1.3."


class TokenTooLarge(LaunchRefused):
    status = 413
    title = "The launch is too large"
    message = "The learning platform sent more than this tool accepts in one launch."


class TokenMalformed(LaunchRefused):
    title = "The launch cannot be read"
    message = "What the learning platform sent is not a valid LTI 1.3 message."


class StateMissing(LaunchRefused):
    title = "The launch belongs to no login"
    message = "The learning platform did not send back the state that this tool gave it."


class StateUnknown(LaunchRefused):
    title = "This launch is no longer known"
    message = "Its login has expired, or did not begin here."
    guidance = "Open the tool again from your course."


class StateUsed(LaunchRefused):
    status = 409
    title = "This launch has been used already"
    message = "Each launch opens the tool once; reloading the page sends the same one again."
    guidance = "Open the tool again from your course."


class BrowserUnknown(LaunchRefused):
    status = 403
    title = "This browser could not be recognised"
    message = "It kept nothing from the beginning of the launch, so we cannot tell whether the launch is yours."
    guidance = "Open the tool in a window of its own, where the browser can keep what is needed."


class NonceMissing(LaunchRefused):
    title = "The launch has no nonce"
    message = "The token lacks the number that ties it to its login."


class NonceWrong(LaunchRefused):
    title = "The launch does not answer this login"
    message = "The token was made for another login, or has been used before."


class IssuerWrong(LaunchRefused):
    title = "The launch comes from another platform"
    message = "The token was issued by another platform than the one that the login went to."


class AudienceWrong(LaunchRefused):
    title = "The launch is meant for another tool"
    message = "The token does not name this tool as the one that it is for."


class AuthorisedPartyWrong(LaunchRefused):
    title = "The launch was authorised for another tool"
    message = "The token has several audiences and does not name this tool as its authorised party."


class AlgorithmRefused(LaunchRefused):
    title = "The launch is signed in a way that is not accepted"
    message = "The token's algorithm is not one that the platform's key is for."


class KeyIdMissing(LaunchRefused):
    title = "The launch does not name its key"
    message = "The token's header has no kid, so there is no telling which key signed it."


class SignatureWrong(LaunchRefused):
    title = "The launch is not signed by the platform"
    message = "The token's signature does not fit the platform's key."


class ExpiryMissing(LaunchRefused):
    title = "The launch never expires"
    message = "The token does not say until when it is valid."


class IssueTimeMissing(LaunchRefused):
    title = "The launch does not say when it was made"
    message = "The token does not say when it was issued."


class TokenExpired(LaunchRefused):
    title = "The launch has expired"
    message = "Too much time went by before the launch arrived, or the clocks of the platform and this tool differ."


class TokenFromFuture(LaunchRefused):
    title = "The launch comes from the future"
    message = "The token says that it was made later than now; the clocks of the platform and this tool differ."


class TokenTooOld(LaunchRefused):
    title = "The launch is too old"
    message = "The token was made long before this login."


class ExpiryTooFar(LaunchRefused):
    title = "The launch is valid for too long"
    message = "The token says that it is valid for more than a day."


class DeploymentMissing(LaunchRefused):
    title = "The launch names no deployment"
    message = "The token lacks a valid deployment id."


class DeploymentPending(LaunchRefused):
    status = 403
    title = "This deployment waits to be accepted"
    message = "The tool was launched from a place of the learning platform that it has not been set up for yet."
    guidance = "An administrator of this tool must accept it. The log names the deployment, under the reference number."


class DeploymentInactive(LaunchRefused):
    status = 403
    title = "This deployment is switched off"
    message = "An administrator of this tool has switched off the place that it was launched from."
    guidance = "Ask the administrator of this tool."


class MessageTypeMissing(LaunchRefused):
    title = "The launch does not say what it is"
    message = "The token has no LTI message type."


class MessageTypeUnsupported(LaunchRefused):
    title = "This kind of launch is not supported"
    message = "The tool opens from a link in a course, or to choose such a link; the platform asked for something else."
    guidance = "Open the tool from a link in your course."


class VersionMissing(LaunchRefused):
    title = "The launch names no LTI version"
    message = "The token does not say which version of LTI it follows."


class VersionUnsupported(LaunchRefused):
    title = "This version of LTI is not supported"
    message = "The token follows another version than LTI 1.3.0."


class RolesMissing(LaunchRefused):
    title = "The launch names no roles"
    message = "The token lacks the claim that says which roles you have."


class RolesMalformed(LaunchRefused):
    title = "The roles of the launch cannot be read"
    message = "The token's roles are not a list of texts."


class UserMissing(LaunchRefused):
    title = "The launch names no user"
    message = "The token does not say who you are. Anonymous launches are not supported."
    guidance = "Sign in to the learning platform and open the tool from your course."


class ResourceLinkMissing(LaunchRefused):
    title = "The launch names no link"
    message = "The token does not say which link in the course was opened."


class ContextMalformed(LaunchRefused):
    title = "The course of the launch cannot be read"
    message = "The token names the course in a way that is not allowed."


class DeepLinkingIncomplete(LaunchRefused):
    title = "The request to choose a link is incomplete"
    message = "The learning platform did not say where the chosen link goes, or in a way that cannot be read."


class DeepLinkingElsewhere(LaunchRefused):
    title = "The chosen link would go elsewhere"
    message = "The learning platform named an address for the chosen link that is not one of its own."


class NoLinksTaken(LaunchRefused):
    title = "Links to this tool are not taken here"
    message = "The learning platform asks for something else than a link that opens this tool."
    guidance = "Choose this tool where the course offers external tools or activities."


class PlacingNotAllowed(LaunchRefused):
    status = 403
    title = "Instructors place links to certificates"
    message = "Your role in this course does not let you place one."
    guidance = "Ask an instructor of the course."


class NothingForMentors(LaunchRefused):
    status = 403
    title = "There is nothing here for you"
    message = (
        "You are in this course as a mentor or observer. Certificates are shown to learners and their instructors."
    )
    guidance = "The learner you accompany can show you hers."


class SessionEnded(LtiCertError):
    status = 401
    title = "Your session has ended"
    message = "This page has been open for too long, or was opened without a launch."
    guidance = "Open it again from your course."


class PlaceLost(SessionEnded):
    message = "Since you opened this page, the learning platform no longer lists you in the course."
    guidance = "If you still belong to it, open it again from your course."


class TicketEnded(LtiCertError):
    status = 410
    title = "This link has expired"
    message = "It was made for one page and a few minutes."
    guidance = "Go back to the page it came from and use the link there again."


LOGIN_NEEDED = frozenset({"login_required", "interaction_required", "account_selection_required", "consent_required"})
"""https://openid.net/specs/openid-connect-core-1_0.html#AuthError: the platform does not see who is signed in, mostly
because its own cookies are blocked in a frame."""

PLATFORM_ERRORS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(
        LOGIN_NEEDED,
        (
            "It could not see that you are signed in; browsers often hide this inside a page.",
            "Sign in to the learning platform and open the tool in a window of its own.",
        ),
    ),
    "launch_no_longer_valid": (
        "The link had been used already, which happens on reloading or going back.",
        "Go back to your course and open the tool from there.",
    ),
    "access_denied": (
        "It says that you may not open this link.",
        "Sign in as the person the link was opened for, then open it from your course.",
    ),
    "unauthorized_client": (
        "It does not know this tool under the registration that was used.",
        "The administrator of the platform checks the tool's client id and that the tool is switched on.",
    ),
}
"""What a platform's answer means and what to do, by the OAuth, OpenID Connect or Canvas code that it sends."""
