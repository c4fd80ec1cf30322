"""Who calls: the JWT of a CDS Hooks call, verified (specification, "Trusting CDS Clients").

`CRLM_AUTH` decides what a call without a token is: `required` refuses it, `optional` lets it through as nobody (and
still checks a token that is sent), `off` looks at no token at all. A token is believed once: its `jti` is recorded
before the call goes on, for all workers together; where it cannot be recorded, `required` fails closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, assert_never

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from service.adapters.origins import is_same_origin
from service.adapters.tokens import LEEWAY_S, bearer_token, check_claims, take_apart
from service.caller import Caller
from service.errors import ServiceNotAllowed, StoreUnavailable, Unauthenticated
from service.logs import note

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from service.adapters.clients import Client, Clients
    from service.adapters.jwks import KeySource
    from service.adapters.tokens import UnverifiedToken
    from service.settings import Auth

NOBODY = Caller()


class TokenIds(Protocol):
    """Where token ids are kept until their tokens have expired."""

    async def remember(self, issuer: str, token_id: str, *, expires_at: float, now: float) -> bool:
        """Record a token id and say whether it is new; raise `StoreUnavailable` where that cannot be told."""
        ...


class Authenticator:
    """Turns an Authorization header into a `Caller`, or refuses it."""

    def __init__(  # noqa: PLR0913  each is a seam of its own
        self,
        *,
        mode: Auth,
        clients: Clients,
        public_base_url: str,
        keys: KeySource,
        token_ids: TokenIds,
        clock: Callable[[], datetime],
    ) -> None:
        self._mode = mode
        self._clients = clients
        self._base = public_base_url.rstrip("/")
        self._keys = keys
        self._token_ids = token_ids
        self._clock = clock
        # Unknown issuers and keys cost the same verification as a bad signature: answers tell nobody who is configured.
        self._decoys = {
            "EC": ec.derive_private_key(1, ec.SECP384R1()).public_key(),
            "RSA": rsa.RSAPublicNumbers(e=65537, n=2**2048 - 1).public_key(),
        }
        self._jws = jwt.PyJWS()

    async def authenticate(self, authorization: str | None, *, path: str, service_id: str) -> Caller:
        """Check a call to `path`, the end of the audience, which is of this service.

        Raises `Unauthenticated`, `ServiceNotAllowed` for a proven client without this service, `StoreUnavailable`.
        """
        match self._mode:
            case "off":
                return NOBODY
            case "optional" | "required" as mode:
                if authorization is None:
                    if mode == "required":
                        raise Unauthenticated("no token")
                    return NOBODY
                caller = await self._verify(bearer_token(authorization), self._audiences(path))
                client = self._clients.get(caller.issuer)
                if client is not None and not client.may_call(service_id):
                    raise ServiceNotAllowed
                return caller
            case _:
                assert_never(self._mode)

    def _audiences(self, path: str) -> frozenset[str]:
        """Name what a token for `path` may be addressed to: clients send feedback in the name of the service too."""
        return frozenset({self._base + path, self._base + path.removesuffix("/feedback")})

    async def _verify(self, text: str, audiences: frozenset[str]) -> Caller:
        token = take_apart(text)
        try:
            client, key = await self._client_and_key(token)
        except Unauthenticated:
            self._verify_in_vain(token)
            raise
        try:
            self._jws.decode_complete(token.text, key, algorithms=[token.algorithm])
        except jwt.PyJWTError:
            raise Unauthenticated("signature") from None
        now = self._clock().timestamp()
        claims = check_claims(token.claims, client=client, audiences=audiences, now=now)
        kept_until = claims.expires_at + LEEWAY_S
        if not await self._is_new(client.issuer, claims.token_id, kept_until=kept_until, now=now):
            raise Unauthenticated("replayed")
        return Caller(issuer=client.issuer, tenant=claims.tenant)

    async def _is_new(self, issuer: str, token_id: str, *, kept_until: float, now: float) -> bool:
        """Whether a token was never seen; where nobody needs one, the loss of the store costs no advice."""
        try:
            return await self._token_ids.remember(issuer, token_id, expires_at=kept_until, now=now)
        except StoreUnavailable:
            if self._mode == "required":
                raise
            note(replay="not checked")
            return True

    async def _client_and_key(self, token: UnverifiedToken) -> tuple[Client, jwt.PyJWK]:
        """Give whose token it says to be and the key to verify it with; a `jku` is compared, never followed."""
        client = self._clients.get(token.issuer)
        if client is None:
            raise Unauthenticated("unknown issuer")
        if token.algorithm not in client.algorithms:
            raise Unauthenticated("algorithm is not one of the client")
        if not _is_own_key_set(token.key_set_url, client):
            raise Unauthenticated("jku is not that of the client")
        found = await self._keys.find(client, token.key_id)
        if found is None:
            raise Unauthenticated("no such key")
        key = found.for_algorithm(token.algorithm)
        if key is None:
            raise Unauthenticated("key does not fit the algorithm")
        return client, key

    def _verify_in_vain(self, token: UnverifiedToken) -> None:
        family, algorithm = ("RSA", "RS384") if token.algorithm.startswith(("RS", "PS")) else ("EC", "ES384")
        signing_input, _, signature = token.text.rpartition(".")
        prepared = jwt.get_algorithm_by_name(algorithm)
        prepared.verify(signing_input.encode(), self._decoys[family], jwt.utils.base64url_decode(signature))


def _is_own_key_set(url: str | None, client: Client) -> bool:
    """Whether a token may name `url`: the configured one; where keys come from a file, any of the issuer's origin."""
    if url is None or url == client.jwks_url:
        return True
    return client.jwks_url is None and is_same_origin(url, client.issuer)
