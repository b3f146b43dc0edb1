"""Refusals of the web itself; those of other rooms are defined beside their rules."""

from bonded.values.refusals import define

NOT_FOUND = define(
    "not-found",
    404,
    "Nothing here",
    "There is no page, project, file or person at this address. It may have been removed, or the address may be mistyped.",
)
WRONG_METHOD = define(
    "wrong-method",
    405,
    "That cannot be done here",
    "The address exists but does not take this kind of request. Uploads go to /legacy/ by POST.",
)
FORM_EXPIRED = define(
    "form-expired",
    403,
    "The form is no longer valid",
    "The form did not carry the secret of your session: it was open for too long, you logged in or out meanwhile, cookies are off, "
    "or another site sent it. Go back, load the page again and repeat what you did. Nothing was changed.",
)
BAD_FORM = define(
    "bad-form",
    400,
    "The form could not be read",
    "The request's form or parameters could not be read: a field is missing, too long, or not in the form that is expected there.",
)
FAULT = define(
    "fault",
    500,
    "Something is wrong on our side",
    "The index met an error that it did not expect; it was written to its log under the request's number. Nothing was half done. "
    "Try again later, and tell the administrators the number if it stays.",
)
